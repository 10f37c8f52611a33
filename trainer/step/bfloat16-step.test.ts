import { randomFor } from '@carpal/masks/random.ts';
import { describe, expect, it } from 'vitest';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { buildModel } from '../models/registry.ts';
import type { StepBatch } from './step.ts';
import type { TrainingSettings } from './training-function.ts';
import { createTrainingStep } from './training-step.ts';

const CLASSES = 3;
const SIZE = 32;

function batchOf(index: number): StepBatch {
  const random = randomFor(7, 'batch', index);
  const images = Float32Array.from({ length: 2 * SIZE * SIZE }, () => random.next());
  const targets = Uint8Array.from({ length: images.length * CLASSES }, (_, at) =>
    (images[Math.floor(at / CLASSES)] ?? 0) > 0.5 ? 255 : 0,
  );
  return { images, targets, count: 2, size: SIZE };
}

/** The losses of some steps and the state after them. */
function train(precision: 'float32' | 'bfloat16', from: number, to: number, state?: NamedArrays): { losses: number[]; state: NamedArrays } {
  const model = buildModel({ name: 'SlimUNet', options: { width: 16, depth: 3 }, classes: CLASSES, seed: 3 });
  const losses = [{ name: 'BCE', weight: 1 }] as const;
  const settings: TrainingSettings = { model, losses, optimizer: { name: 'AdamW', weightDecay: 1e-2 }, precision };
  const step = createTrainingStep(settings);
  try {
    if (state) step.writeState(state);
    const values = Array.from({ length: to - from }, (_, index) => step.run(batchOf(from + index), 1e-3));
    return { losses: values, state: step.readState() };
  } finally {
    step.dispose();
    model.dispose();
  }
}

describe('a bfloat16 step', () => {
  it('has losses within 1 % of those of float32, but not equal ones', () => {
    const [float32, bfloat16] = [train('float32', 0, 8), train('bfloat16', 0, 8)];
    for (const [index, loss] of bfloat16.losses.entries())
      expect(Math.abs(loss / (float32.losses[index] ?? Number.NaN) - 1)).toBeLessThan(0.01);
    expect(bfloat16.losses).not.toEqual(float32.losses);
  });

  it('keeps weights and slots in float32, with more digits than bfloat16 has', () => {
    const { state } = train('bfloat16', 0, 2);
    for (const part of ['model/', 'optimizer/mean/']) {
      const values = [...state].filter(([name]) => name.startsWith(part) && name.endsWith('/kernel')).flatMap(([, { data }]) => [...data]);
      const bits = new Uint32Array(Float32Array.from(values).buffer);
      expect(bits.some((word) => (word & 0xffff) !== 0)).toBe(true);
    }
  });

  it('continues with the same bits after it is saved and loaded', () => {
    const whole = train('bfloat16', 0, 4);
    const half = train('bfloat16', 0, 2);
    const rest = train('bfloat16', 2, 4, half.state);
    expect([...half.losses, ...rest.losses]).toEqual(whole.losses);
    expect(rest.state).toEqual(whole.state);
  });
});
