import { describe, expect, it } from 'vitest';
import { buildModel } from '../registry.ts';
import { HEAD_BIAS, HEAD_SCALE } from './head.ts';

const CLASSES = 29;

describe('the head of an untrained network', () => {
  it.each([
    ['SlimUNet', { width: 16, depth: 2 }],
    ['UNet3Plus', { width: 4 }],
    ['SegFormer', { variant: 'B0', divisor: 2 }],
    ['SegFormer', { variant: 'published', divisor: 8 }],
  ] as const)('of %s %j has kernels of the scale 1 / √n and one bias for all classes', (name, options) => {
    const model = buildModel({ name, options, classes: CLASSES, seed: 1 });
    const [kernel, bias] = ['kernel', 'bias'].map((part) => {
      const values = model.variables.find((variable) => variable.name.endsWith(`head/${part}`))?.variable.dataSync();
      return Array.from(values ?? []);
    }) as [number[], number[]];
    const inputs = kernel.length / CLASSES;
    const variance = kernel.reduce((sum, value) => sum + value ** 2, 0) / kernel.length;
    expect(Math.sqrt(variance * inputs)).toBeGreaterThan(0.85 * HEAD_SCALE);
    expect(Math.sqrt(variance * inputs)).toBeLessThan(1.15 * HEAD_SCALE);
    expect(bias).toEqual(Array.from({ length: CLASSES }, () => HEAD_BIAS));
    model.dispose();
  });

  it('of RAPUNet has the same first logits from its two maps together', () => {
    const model = buildModel({ name: 'RAPUNet', options: { width: 2, divisor: 16 }, classes: CLASSES, seed: 1 });
    const scales = ['deepMaps/kernel', 'boundaryMaps/kernel'].map((name) => {
      const values = Array.from(model.variables.find((variable) => variable.name === name)?.variable.dataSync() ?? []);
      return values.reduce((sum, value) => sum + value ** 2, 0) / CLASSES;
    });
    expect(scales.reduce((sum, value) => sum + value, 0)).toBeGreaterThan((0.85 * HEAD_SCALE) ** 2);
    expect(scales.reduce((sum, value) => sum + value, 0)).toBeLessThan((1.15 * HEAD_SCALE) ** 2);
    model.dispose();
  });
});
