import { afterEach, expect, it } from 'vitest';
import { encodeSafetensors } from '../../engine/safetensors.ts';
import type { Model, NetworkOptions } from '../model.ts';
import { buildModel } from '../registry.ts';
import { pretrainedEncoder } from './encoders.ts';
import { loadEncoder } from './load-encoder.ts';
import { publishedWeights } from './testing/published-weights.ts';

const built: Model[] = [];
afterEach(() => {
  for (const model of built.splice(0)) model.dispose();
});

it.each<{ name: string; options: NetworkOptions; publisher?: number; keys: readonly string[]; ignored: string; count: number }>([
  {
    name: 'HRNet',
    options: { variant: 'W18', divisor: 18 },
    keys: [
      'conv2.weight',
      'layer1.0.downsample.1.running_mean',
      'transition1.0.0.weight',
      'transition1.1.0.1.bias',
      'transition3.3.0.0.weight',
      'stage2.0.fuse_layers.0.1.0.weight',
      'stage4.2.fuse_layers.3.0.2.1.running_var',
      'stage3.3.branches.2.3.bn2.weight',
    ],
    ignored: 'incre_modules.0.0.conv1.weight',
    count: 1525,
  },
  {
    name: 'UNetPlusPlus',
    options: { divisor: 64 },
    keys: ['conv1.weight', 'layer1.2.bn2.bias', 'layer4.0.downsample.0.weight'],
    ignored: 'fc.weight',
    count: 180,
  },
  {
    name: 'UNetPlusPlus',
    options: { encoder: 'EfficientNetLite0', divisor: 16 },
    keys: ['_conv_stem.weight', '_bn0.bias', '_blocks.0._bn1.weight', '_blocks.3._expand_conv.weight', '_blocks.15._bn2.running_var'],
    ignored: '_conv_head.weight',
    count: 240,
  },
  {
    name: 'EncoderUNet',
    options: { encoder: 'ConvNeXtTiny', divisor: 16 },
    keys: [
      ...['features.0.0.bias', 'features.0.1.weight', 'features.1.2.layer_scale', 'features.2.0.bias', 'features.2.1.weight'],
      ...['features.5.8.block.0.weight', 'features.5.8.block.2.bias', 'features.5.8.block.3.weight', 'features.7.2.block.5.bias'],
    ],
    ignored: 'classifier.0.weight',
    count: 178,
  },
  {
    name: 'EncoderUNet',
    options: { encoder: 'EfficientNetB1', divisor: 16 },
    keys: ['_blocks.1._se_reduce.bias', '_blocks.2._expand_conv.weight', '_blocks.22._se_expand.weight'],
    ignored: '_bn1.running_var',
    count: 432,
  },
  {
    name: 'UNetPlusPlus',
    options: { encoder: 'EfficientNetLite2', divisor: 16 },
    keys: ['_blocks.4._depthwise_conv.weight', '_blocks.20._project_conv.weight'],
    ignored: '_fc.bias',
    count: 315,
  },
  {
    name: 'EncoderUNet',
    options: { encoder: 'EfficientNetB0', divisor: 16 },
    publisher: 1,
    keys: [
      ...[
        'conv_stem.weight',
        'bn1.running_mean',
        'blocks.0.0.conv_dw.weight',
        'blocks.0.0.se.conv_reduce.bias',
        'blocks.0.0.conv_pw.weight',
      ],
      ...[
        'blocks.0.0.bn2.weight',
        'blocks.2.1.conv_pw.weight',
        'blocks.5.3.bn2.bias',
        'blocks.6.0.conv_pwl.weight',
        'blocks.6.0.bn3.running_var',
      ],
    ],
    ignored: 'bn2.weight',
    count: 304,
  },
])(
  'the keys of $name with $options are those of the publisher, and each is needed',
  ({ name, options, publisher = 0, keys, ignored, count }) => {
    const model = buildModel({ name, options, classes: 3, seed: 1 });
    built.push(model);
    const moduleName = pretrainedEncoder(model)?.names[publisher]?.moduleName ?? (() => undefined);
    const state = publishedWeights(model, moduleName);
    // torchvision's factors of channels have the shape that multiplies a map.
    for (const [key, { shape, data }] of state) if (key.endsWith('.layer_scale')) state.set(key, { shape: [...shape, 1, 1], data });
    expect([...state.keys()]).toEqual(expect.arrayContaining([...keys]));
    expect(state.size).toBe(count);
    state.set(ignored, { shape: [1], data: Float32Array.of(1) });
    expect(() => loadEncoder(model, encodeSafetensors(state), 'x')).not.toThrow();
    state.delete(keys.at(-1) ?? '');
    expect(() => loadEncoder(model, encodeSafetensors(state), 'x')).toThrow(`(missing: ${keys.at(-1)})`);
  },
);
