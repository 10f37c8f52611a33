import { afterEach, describe, expect, it } from 'vitest';
import type { Model, NetworkOptions } from '../model.ts';
import { buildModel } from '../registry.ts';
import { encoderRateFactors, encoderStage } from './encoder-rates.ts';
import { pretrainedEncoder } from './encoders.ts';
import { pytorchKey } from './pytorch-arrays.ts';

const built: Model[] = [];
afterEach(() => {
  for (const model of built.splice(0)) model.dispose();
});

function build(name: string, options: NetworkOptions): Model {
  const model = buildModel({ name, options, classes: 3, seed: 1 });
  built.push(model);
  return model;
}

const DEFAULTS = { learningRateFactor: 1, layerDecay: 1, frozenEpochs: 0 };

describe('the stage of a variable', () => {
  it.each([
    ['ResNet', 'encoder/stem/kernel', 0],
    ['ResNet', 'encoder/stage1/3/widen/gamma', 1],
    ['ResNet', 'encoder/stage4/1/shortcut/kernel', 4],
    ['HRNet', 'encoder/stem2/beta', 0],
    ['HRNet', 'encoder/stage1/1/narrow/kernel', 1],
    ['HRNet', 'encoder/join3/branch3/kernel', 3],
    ['HRNet', 'encoder/stage4/2/exchange/to1/from2/kernel', 4],
    ['CAFormer', 'encoder/stage1/shrink/bias', 1],
    ['CAFormer', 'encoder/stage3/9/mix/qkv/kernel', 3],
    ['the mix transformer', 'encoder/stage1/patches/norm/gamma', 1],
    ['the mix transformer', 'encoder/stage2/1/attention/keyValue/kernel', 2],
  ])('of %s, %s, is the number in its name, and 0 in the stem', (_, name, stage) => {
    expect(encoderStage(name)).toBe(stage);
  });

  it('is not guessed from a name without one', () => {
    expect(() => encoderStage('encoder/last/kernel')).toThrow('the name encoder/last/kernel has no stage of the encoder');
  });
});

const NETWORKS: readonly [name: string, options: NetworkOptions, stages: readonly number[]][] = [
  ['FCNResNet50', { width: 1 }, [0, 1, 2, 3, 4]],
  ['UNetPlusPlus', { encoder: 'ResNet34', divisor: 64 }, [0, 1, 2, 3, 4]],
  ['UNetPlusPlus', { encoder: 'EfficientNetLite1', divisor: 16 }, [0, 1, 2, 3, 4, 5, 6, 7]],
  ['EncoderUNet', { encoder: 'ResNet50', divisor: 64 }, [0, 1, 2, 3, 4]],
  ['EncoderUNet', { encoder: 'ConvNeXtTiny', divisor: 32 }, [0, 1, 2, 3, 4]],
  ['HRNet', { variant: 'W18', divisor: 18 }, [0, 1, 2, 3, 4]],
  ['RAPUNet', { width: 1, divisor: 32 }, [1, 2, 3, 4]],
  ['SegFormer', { variant: 'B0', divisor: 32 }, [1, 2, 3, 4]],
];

describe.each(NETWORKS)('the encoder of %s with %o', (name, options, stages) => {
  it('has the variables that the published weights of the encoder have, and each has a stage', () => {
    const model = build(name, options);
    const names = model.variables.map((variable) => variable.name);
    const factors = encoderRateFactors(names, { ...DEFAULTS, layerDecay: 0.5 });
    const moduleName = pretrainedEncoder(model)?.names[0].moduleName ?? (() => undefined);
    expect([...factors.keys()]).toEqual(names.filter((variable) => pytorchKey(variable, moduleName) !== undefined));
    expect([...new Set([...factors.keys()].map(encoderStage))].toSorted()).toEqual(stages);
  });
});

describe('the factors of the learning rates of an encoder', () => {
  const names = ['encoder/stem/kernel', 'encoder/stage1/1/narrow/kernel', 'encoder/stage2/1/narrow/kernel', 'reduce/kernel', 'head/kernel'];
  const factors = (training: Partial<typeof DEFAULTS>) => [...encoderRateFactors(names, { ...DEFAULTS, ...training })];

  it('are none without pretrained weights, or if the encoder is trained like the rest', () => {
    expect(encoderRateFactors(names, undefined).size).toBe(0);
    expect(factors({})).toEqual([]);
  });

  it('decay from the head to the stem, from the factor of the encoder', () => {
    expect(factors({ learningRateFactor: 0.5, layerDecay: 0.25 })).toEqual([
      ['encoder/stem/kernel', 0.5 * 0.25 ** 3],
      ['encoder/stage1/1/narrow/kernel', 0.5 * 0.25 ** 2],
      ['encoder/stage2/1/narrow/kernel', 0.5 * 0.25],
    ]);
  });

  it('are all equal without a decay, and 1 if the encoder is only frozen at first', () => {
    expect(factors({ learningRateFactor: 0.1 }).map(([, factor]) => factor)).toEqual([0.1, 0.1, 0.1]);
    expect(factors({ frozenEpochs: 2 }).map(([, factor]) => factor)).toEqual([1, 1, 1]);
  });
});
