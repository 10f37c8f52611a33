import { existsSync } from 'node:fs';
import { MODEL_NAMES } from '@carpal/configs/schema/learning.ts';
import { MODELS } from '@carpal/trainer/models/registry.ts';
import { describe, expect, it } from 'vitest';
import { STEP_METHOD, shortcutsOf } from '../baseline/step-method.ts';
import { baselineNetwork, checkSameNetwork, STEPS } from './step.ts';

describe('the step cases', () => {
  it.each(MODELS.map(({ name }) => name))('measure %s at every size, precision and batch size, and find its PyTorch definition', (name) => {
    const names = STEPS.map((one) => one.name).filter((one) => one.startsWith(`step-${name}-`));
    const shapes = ['256', '256-bfloat16', '512', '512-bfloat16'].flatMap((shape) => [shape, `${shape}-batch2`, `${shape}-batch4`]);
    expect(names.toSorted()).toEqual(shapes.map((shape) => `step-${name}-${shape}`).toSorted());
    expect(existsSync(baselineNetwork(name))).toBe(true);
  });

  it('state the version of their method', () => {
    expect(STEPS.every(({ method }) => method === STEP_METHOD)).toBe(true);
  });

  it('reject a comparison of networks of different sizes', () => {
    const figure = (parameters: number) => ({ seconds: [1], items: 1, parameters });
    const check = (theirs: number) => () => checkSameNetwork('UNet', figure(10), [{ name: 'NCHW', figure: figure(theirs) }]);
    expect(check(10)).not.toThrow();
    expect(check(11)).toThrow('UNet has 10 trained parameters in carpal and 11 in PyTorch');
  });
});

describe('shortcutsOf', () => {
  it('sums the grey stem of every network but SlimUNet, whose first convolution has one input channel', () => {
    const without = MODEL_NAMES.filter((name) => !shortcutsOf(name).includes('grey-stem'));
    expect(without).toEqual(['SlimUNet']);
    expect(shortcutsOf('NoSuchNetwork')).toEqual([]);
  });
});
