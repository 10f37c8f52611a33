import { describe, expect, it } from 'vitest';
import { buildModel } from '../models/registry.ts';
import { openTrainingEngine } from './open-engine.ts';

const settingsOf = () => ({
  model: buildModel({ name: 'SlimUNet', options: { width: 2, depth: 2 }, classes: 2, seed: 1 }),
  losses: [{ name: 'BCE', weight: 1 }] as const,
  optimizer: { name: 'AdamW' } as const,
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
      'graph',
      (line) => warnings.push(line),
      () => processor,
    );
    expect(warnings).toEqual(Array.from({ length: count }, () => expect.stringContaining('bfloat16 is emulated')));
    engine.dispose();
    settings.model.dispose();
  });
});
