import { describe, expect, it } from 'vitest';
import { duckNetLayers } from './duck-net.ts';
import { countParameters } from './layers/count-parameters.ts';
import { type RapuNetHead, rapuNetLayers } from './rapu-net.ts';
import type { SegFormerVariant } from './segformer/variants.ts';
import { segFormerLayers } from './segformer.ts';

const CLASSES = 29;

describe('parameters at 29 classes', () => {
  it.each([
    [16, 33_726_163],
    [17, 38_067_625],
    [34, 152_076_901],
  ])('DUCKNet of width %i has %i', (width, parameters) => {
    expect(countParameters((make) => duckNetLayers(make, CLASSES, width))).toBe(parameters);
  });

  it.each<[RapuNetHead, number, number]>([
    ['published', 16, 44_647_848],
    ['published', 17, 46_972_502],
    // Without the classifier of 3,103,720 and the norm before it; 29 maps on both ways and a bias, where there were one and one and 1×1 over them.
    ['perClass', 16, 44_647_848 - 3_103_720 - 1_024 - (32 + 64 + 58) + 29 * (32 + 64) + 29],
  ])('RAPUNet with head %s at width %i has %i', (head, width, parameters) => {
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
    // As the weights published for ADE20K have.
    ['B0', 150, 3_752_694],
    ['B2', 150, 27_461_974],
  ])('SegFormer %s at %i classes has %i', (variant, classes, parameters) => {
    expect(countParameters((make) => segFormerLayers(make, classes, { variant, divisor: 1 }))).toBe(parameters);
  });
});
