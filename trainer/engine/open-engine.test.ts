import { describe, expect, it } from 'vitest';
import { buildModel } from '../models/registry.ts';
import { openTrainingEngine } from './open-engine.ts';
import type { StepBatch } from './step.ts';

const settingsOf = () => ({
  model: buildModel({ name: 'SlimUNet', options: { width: 2, depth: 2 }, classes: 2, seed: 1 }),
  losses: [{ name: 'BCE', weight: 1 }] as const,
  optimizer: { name: 'AdamW', weightDecay: 0 } as const,
});

describe('openTrainingEngine', () => {
  it.each([
    ['warns of bfloat16 on a processor that emulates it', { hasGpu: false, flags: new Set(['avx2']) }, 1],
    ['says nothing of it on one that has it', { hasGpu: false, flags: new Set(['avx512_bf16']) }, 0],
    ['says nothing of it beside a GPU', { hasGpu: true, flags: new Set(['avx2']) }, 0],
  ])('%s', (_, processor, count) => {
    const warnings: string[] = [];
    const settings = { ...settingsOf(), precision: 'bfloat16' as const };
    const engine = openTrainingEngine(
      settings,
      (line) => warnings.push(line),
      () => processor,
    );
    expect(warnings).toEqual(Array.from({ length: count }, () => expect.stringContaining('bfloat16 is emulated')));
    engine.dispose();
    settings.model.dispose();
  });
});

const batchOf = (count: number): StepBatch => ({
  images: Float32Array.from({ length: count * 64 }, (_, i) => (i % 7) / 7),
  targets: Uint8Array.from({ length: count * 64 * 2 }, (_, i) => (i % 3) * 100),
  count,
  size: 8,
});

describe('a graph engine', () => {
  it('reads its state once for a validation and for the checkpoint, and anew after a step and after a state put back', () => {
    const settings = settingsOf();
    const engine = openTrainingEngine(settings, () => undefined);
    const { step, evaluator } = engine;
    step.run(batchOf(2), 0.1);
    const first = step.readState();
    const losses = [evaluator.run(batchOf(2)).loss, evaluator.run(batchOf(1)).loss];
    expect(step.readState()).toBe(first);
    step.run(batchOf(2), 0.1);
    expect(evaluator.run(batchOf(2)).loss).not.toBe(losses[0]);
    const second = step.readState();
    expect(second).not.toBe(first);
    expect([...second.values()].map(({ data }) => data)).not.toEqual([...first.values()].map(({ data }) => data));
    step.writeState(first);
    expect([evaluator.run(batchOf(2)).loss, evaluator.run(batchOf(1)).loss]).toEqual(losses);
    expect(step.readState()).not.toBe(second);
    expect(step.readState()).toEqual(first);
    engine.dispose();
    settings.model.dispose();
  });
});
