import { describe, expect, it } from 'vitest';
import { countParameters } from './define-model.ts';
import { duckNetLayers } from './duck-net.ts';
import { ENCODERS, type EncoderName } from './encoder.ts';
import { encoderUNetLayers } from './encoder-unet.ts';
import type { HRNetVariant } from './hrnet.ts';
import { hrNetLayers } from './hrnet.ts';
import type { SegFormerVariant } from './mix-transformer.ts';
import type { RapuNetHead } from './model.ts';
import { rapuNetLayers } from './rapu-net.ts';
import { segFormerLayers } from './segformer.ts';
import { unetPlusPlusLayers } from './unet-plus-plus.ts';

const CLASSES = 29;

describe('the number of parameters', () => {
  it.each([
    [16, 33_726_163],
    [17, 38_067_625],
    [34, 152_076_901],
  ])('of DUCKNet at width %i is %i', (width, parameters) => {
    expect(countParameters((make) => duckNetLayers(make, CLASSES, width))).toBe(parameters);
  });

  it.each<[RapuNetHead, number, number]>([
    // The original's counts include the encoder's unused ImageNet classifier, 3,103,720 parameters, and the norm before it, 1,024.
    ['published', 16, 44_647_848 - 3_103_720 - 1_024],
    ['published', 17, 46_972_502 - 3_103_720 - 1_024],
    // One map per class and a bias, instead of one map and a 1×1 convolution over it.
    ['perClass', 16, 44_647_848 - 3_103_720 - 1_024 - (32 + 64 + 58) + 29 * (32 + 64) + 29],
  ])('of RAPUNet with head %s at width %i is %i', (head, width, parameters) => {
    expect(countParameters((make) => rapuNetLayers(make, CLASSES, { width, head, divisor: 1 }))).toBe(parameters);
  });

  it.each<[SegFormerVariant, number, number]>([
    ['published', CLASSES, 98_591_197],
    ['B0', CLASSES, 3_721_597],
    ['B1', CLASSES, 13_684_701],
    ['B2', CLASSES, 27_368_925],
    ['B3', CLASSES, 47_244_765],
    ['B4', CLASSES, 64_015_325],
    ['B5', CLASSES, 84_615_645],
    // The count of the weights published for ADE20K.
    ['B0', 150, 3_752_694],
    ['B2', 150, 27_461_974],
  ])('of SegFormer %s at %i classes is %i', (variant, classes, parameters) => {
    expect(countParameters((make) => segFormerLayers(make, classes, { variant, divisor: 1 }))).toBe(parameters);
  });

  it.each<[HRNetVariant, number, number]>([
    ['W18', CLASSES, 9_643_829],
    ['W32', CLASSES, 29_551_325],
    ['W48', CLASSES, 65_866_589],
    // The count of the weights published for Cityscapes.
    ['W48', 19, 65_859_379],
  ])('of HRNet %s at %i classes is %i', (variant, classes, parameters) => {
    expect(countParameters((make) => hrNetLayers(make, classes, { variant, divisor: 1 }))).toBe(parameters);
  });

  it.each<[EncoderName, number, number]>([
    ['ResNet34', CLASSES, 26_082_669],
    ['ResNet50', CLASSES, 48_989_805],
    // The count of segmentation_models.pytorch.
    ['ResNet34', 1, 26_078_609],
    ['ResNet50', 1, 48_985_745],
    ['EfficientNetLite0', CLASSES, 5_524_941],
    ['ConvNeXtTiny', CLASSES, 34_339_725],
  ])('of UNetPlusPlus on %s at %i classes is %i', (encoder, classes, parameters) => {
    expect(countParameters((make) => unetPlusPlusLayers(make, classes, { encoder, divisor: 1 }))).toBe(parameters);
  });

  it.each<[EncoderName, number, number]>([
    ['ResNet34', CLASSES, 24_440_429],
    // The count of segmentation_models.pytorch.
    ['ResNet34', 1, 24_436_369],
    ['ResNet50', 1, 32_521_105],
    ['ConvNeXtTiny', CLASSES, 31_932_813],
    // The same, without the last convolution of the encoder, which it allocates and does not use.
    ['EfficientNetB0', 1, 6_251_469 - 320 * 1280 - 2 * 1280],
  ])('of EncoderUNet on %s at %i classes is %i', (encoder, classes, parameters) => {
    expect(countParameters((make) => encoderUNetLayers(make, classes, { encoder, divisor: 1 }))).toBe(parameters);
  });

  // The published counts, without the last convolution of 1,280 channels (B2: 1,408) and the classifier of 1,000 classes.
  it.each<[EncoderName, number]>([
    // Without the classifier of 1,000 classes and the normalisation before it.
    ['ConvNeXtTiny', 28_589_128 - 769 * 1000 - 2 * 768],
    ['EfficientNetB0', 5_288_548 - 320 * 1280 - 2 * 1280 - 1281 * 1000],
    ['EfficientNetB1', 7_794_184 - 320 * 1280 - 2 * 1280 - 1281 * 1000],
    ['EfficientNetB2', 9_109_994 - 352 * 1408 - 2 * 1408 - 1409 * 1000],
    ['EfficientNetLite0', 4_652_008 - 320 * 1280 - 2 * 1280 - 1281 * 1000],
    ['EfficientNetLite1', 5_416_680 - 320 * 1280 - 2 * 1280 - 1281 * 1000],
    ['EfficientNetLite2', 6_092_072 - 352 * 1280 - 2 * 1280 - 1281 * 1000],
  ])('of the encoder %s is %i', (encoder, parameters) => {
    expect(countParameters((make) => ENCODERS[encoder](make, 1))).toBe(parameters);
  });
});
