import type { StudySize } from './study.ts';

/**
 * The study of docs/results.md: about an hour on two cores. Networks that would take most of the time at their default width are narrower;
 * the page shows each width.
 */
export const FULL: StudySize = {
  phantoms: { people: 24, testPeople: 8, seed: 11, size: 512 },
  folds: 5,
  size: 128,
  cropImageSize: 256,
  epochs: 32,
  validateEvery: 8,
  models: [
    { name: 'UNet', options: {} },
    { name: 'SlimUNet', options: { width: 16, depth: 5 } },
    { name: 'NestedUNet', options: { width: 16 } },
    { name: 'UNet3Plus', options: { width: 16 } },
    { name: 'FCNResNet50', options: { width: 32 } },
    { name: 'CustomUNet', options: { width: 32 } },
    { name: 'DUCKNet', options: { width: 8 } },
    { name: 'RAPUNet', options: { width: 16, divisor: 2 } },
    { name: 'SegFormer', options: { variant: 'B2' } },
    { name: 'HRNet', options: { variant: 'W18' } },
    { name: 'UNetPlusPlus', options: { encoder: 'ResNet34', divisor: 2 } },
    { name: 'EncoderUNet', options: { encoder: 'ResNet34', divisor: 2 } },
  ],
  fast: { name: 'SlimUNet', options: { width: 16, depth: 5 } },
  ceilings: [
    { phantoms: { people: 6, testPeople: 0, seed: 11, size: 2048 }, sizes: [128, 256, 512, 1024] },
    { phantoms: { people: 24, testPeople: 8, seed: 11, size: 512 }, sizes: [128, 256] },
  ],
};

/** The same in a minute or two, to test that every part works. Its figures mean nothing. */
export const MINIATURE: StudySize = {
  phantoms: { people: 4, testPeople: 2, seed: 11, size: 256 },
  folds: 2,
  size: 64,
  cropImageSize: 128,
  epochs: 4,
  validateEvery: 4,
  models: [
    { name: 'SlimUNet', options: { width: 8, depth: 4 } },
    { name: 'NestedUNet', options: { width: 4 } },
  ],
  fast: { name: 'SlimUNet', options: { width: 8, depth: 4 } },
  ceilings: [{ phantoms: { people: 4, testPeople: 2, seed: 11, size: 256 }, sizes: [64, 128] }],
};
