import { describe, expect, it } from 'vitest';
import type { Model } from '../model.ts';
import { buildModel } from '../registry.ts';
import { HEAD_BIAS, headDeviation } from './head.ts';

const CLASSES = 29;

const valuesOf = ({ variables }: Model, ending: string): readonly number[] =>
  Array.from(variables.find(({ name }) => name.endsWith(ending))?.variable.dataSync() ?? []);
const squares = (values: readonly number[]): number => values.reduce((sum, value) => sum + value ** 2, 0);

describe('the first kernel of a head', () => {
  it('has a deviation of 1 / √n for few inputs and of 4 / √n for many', () => {
    expect([4, 16, 64, 144, 256, 576].map(headDeviation)).toEqual([0.5, 0.25, 0.125, 0.1875, 0.25, 1 / 6]);
  });

  it.each([
    ['SlimUNet', { width: 16, depth: 2 }],
    ['UNet3Plus', { width: 4 }],
    ['SegFormer', { variant: 'B0', divisor: 2 }],
    ['SegFormer', { variant: 'published', divisor: 8 }],
  ] as const)('has that deviation in %s %j, and all classes have the same bias', (name, options) => {
    const model = buildModel({ name, options, classes: CLASSES, seed: 1 });
    const kernel = valuesOf(model, 'head/kernel');
    const ratio = Math.sqrt(squares(kernel) / kernel.length) / headDeviation(kernel.length / CLASSES);
    expect(ratio).toBeGreaterThan(0.85);
    expect(ratio).toBeLessThan(1.15);
    expect(valuesOf(model, 'head/bias')).toEqual(Array.from({ length: CLASSES }, () => HEAD_BIAS));
    model.dispose();
  });

  it('gives logits of the same size in RAPUNet, whose two maps are added', () => {
    const model = buildModel({ name: 'RAPUNet', options: { width: 2, divisor: 16 }, classes: CLASSES, seed: 1 });
    const kernels = ['deepMaps/kernel', 'boundaryMaps/kernel'].map((name) => valuesOf(model, name));
    const inputs = kernels.reduce((sum, { length }) => sum + length / CLASSES, 0);
    const ratio = kernels.reduce((sum, kernel) => sum + squares(kernel), 0) / CLASSES / (inputs * headDeviation(inputs) ** 2);
    expect(ratio).toBeGreaterThan(0.8);
    expect(ratio).toBeLessThan(1.2);
    model.dispose();
  });
});
