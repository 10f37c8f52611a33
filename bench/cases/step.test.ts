import { existsSync } from 'node:fs';
import { MODELS } from '@carpal/trainer/models/registry.ts';
import { describe, expect, it } from 'vitest';
import { checkSameNetwork, peerNetwork, STEPS } from './step.ts';

describe('the step benchmarks', () => {
  it.each(MODELS.map(({ name }) => name))('have %s at both sizes and precisions, and its PyTorch definition', (name) => {
    const names = STEPS.map((benchmark) => benchmark.name);
    const expected = ['256', '256-bfloat16', '512', '512-bfloat16'].map((rest) => `step-${name}-${rest}`);
    expect(names).toEqual(expect.arrayContaining(expected));
    expect(existsSync(peerNetwork(name))).toBe(true);
  });

  it('say of SegFormer that the two sides do different work for the same numbers, and of no other', () => {
    const noted = STEPS.filter(({ what }) => what.includes('into one matrix')).map(({ name }) => name);
    expect(noted).toEqual(STEPS.map(({ name }) => name).filter((name) => name.startsWith('step-SegFormer-')));
  });

  it('refuse to compare networks of different sizes', () => {
    const figure = (parameters: number) => ({ seconds: [1], items: 1, parameters });
    const check = (theirs: number) => () => checkSameNetwork('UNet', figure(10), [{ name: 'NCHW', figure: figure(theirs) }]);
    expect(check(10)).not.toThrow();
    expect(check(11)).toThrow(/trains 10 values here and 11 in PyTorch/);
  });
});
