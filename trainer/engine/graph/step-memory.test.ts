import { describe, expect, it } from 'vitest';
import { buildModel } from '../../models/registry.ts';
import { selection } from './compile.ts';
import { DATA_TYPE } from './graph-definition.ts';
import { createGraphStep } from './graph-step.ts';
import { stepMemory } from './step-memory.ts';
import type { Tape } from './tape.ts';

const value = (id: number, shape: readonly number[], dtype: number = DATA_TYPE.float32) => ({ id, shape, dtype });
const operation = (name: string, inputIds: readonly number[], ...outputs: ReturnType<typeof value>[]) => ({
  name,
  attributes: [],
  inputIds,
  outputs,
});

/** One image of `side` pixels through two convolutions, an attention between all pixels, and a gradient of a weight. */
function tapeAt(side: number): Tape {
  return {
    constants: new Map(),
    inputs: [{ name: 'images', ...value(1, [1, side, side, 1]) }],
    variables: [{ name: 'weight', ...value(2, [3, 3, 1, 8]) }],
    operations: [
      operation('Conv2D', [1, 2], value(3, [1, side, side, 8])),
      operation('Reshape', [3], value(4, [1, side * side, 8])),
      operation('BatchMatMulV2', [4, 4], value(5, [1, side * side, side * side])),
      operation('BatchMatMulV2', [5, 4], value(6, [1, side * side, 8])),
      operation('Conv2DBackpropFilter', [6], value(7, [3, 3, 1, 8])),
    ],
    results: new Map([['gradient', value(7, [3, 3, 1, 8])]]),
    assigned: new Map(),
  };
}

/** Bytes by hand, at the fullest moment: image, activation, attention and what comes of it. */
const expected = (side: number): number => 4 * (side ** 2 + 8 * side ** 2 + side ** 4 + 8 * side ** 2);

describe('stepMemory', () => {
  it.each([4, 8])('of an image of %i pixels is what lives at the same time', (side) => {
    expect(stepMemory(tapeAt(side), selection(tapeAt(side), 'float32'))).toEqual({ live: expected(side), state: 4 * 72 });
  });

  it('of values that are bfloat16 is half as much', () => {
    const tape = tapeAt(16);
    const live = selection(tape, 'float32').live;
    const { live: wide } = stepMemory(tape, { live, narrow: new Set() });
    const { live: narrow } = stepMemory(tape, { live, narrow: live });
    const images = 4 * 16 ** 2;
    expect(narrow - images).toBe((wide - images) / 2);
  });

  it('does not count what no result depends on', () => {
    const idle = { ...tapeAt(8), results: new Map([['images', value(1, [1, 8, 8, 1])]]) };
    expect(stepMemory(idle, selection(idle, 'float32')).live).toBe(4 * 8 ** 2);
  });

  it('of a real network grows with its pixels and its images, and its state with neither', () => {
    const model = buildModel({ name: 'SlimUNet', options: { width: 4, depth: 3 }, classes: 3, seed: 1 });
    const step = createGraphStep({ model, losses: [{ name: 'BCE', weight: 1 }], optimizer: { name: 'AdamW', weightDecay: 0 } });
    const foretell = step.foretellMemory;
    expect(foretell(1, 64).live / foretell(1, 32).live).toBeCloseTo(4, 0);
    expect(foretell(8, 64).live / foretell(1, 64).live).toBeCloseTo(8, 0);
    expect(foretell(8, 64).state).toBe(foretell(1, 32).state);
    // The step itself is none the worse for having been asked.
    const pixels = 32 * 32;
    const loss = step.run({ images: new Float32Array(pixels), targets: new Uint8Array(3 * pixels), count: 1, size: 32 }, 1e-3);
    expect(loss).toBeGreaterThan(0);
    step.dispose();
    model.dispose();
  });
});
