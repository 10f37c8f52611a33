import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import type { AugmentationSpec } from '@carpal/configs/schema/experiment.ts';
import { BatchMaker } from '@carpal/trainer/data/batch-maker.ts';
import { discoverDataset } from '@carpal/trainer/data/discover.ts';
import { prepareDataset } from '@carpal/trainer/data/prepare.ts';
import type { Benchmark } from './benchmark.ts';
import { besideFastest, measure } from './figure.ts';

const SIZE = 512;
const REPETITIONS = 7;

/** All that carpal and albumentations both offer, in the form that both sides read. */
const AUGMENTATIONS: readonly AugmentationSpec[] = [
  { name: 'rotate', probability: 0.5, degrees: 15 },
  { name: 'flipHorizontal', probability: 0.5 },
  { name: 'shiftScaleRotate', probability: 0.5, shift: 0.05, scale: 0.05, degrees: 5 },
  { name: 'brightnessContrast', probability: 0.5, brightness: 0.1, contrast: 0.1 },
  { name: 'gamma', probability: 0.5, low: 0.8, high: 1.25 },
  { name: 'gaussianNoise', probability: 0.5, sigma: 0.02 },
];

/** From prepared files here, rasterising included; from images and masks in memory there. One thread on each side. */
export const augment: Benchmark = {
  name: 'augment',
  item: 'image',
  what: `${AUGMENTATIONS.length} augmentations, each of every second image at ${SIZE} px with its 29 masks, one thread, from prepared files to coverage; the peer is albumentations on masks in memory`,
  goal: 1,
  run: async ({ classes, phantoms, scratch, albumentations }) => {
    const { train } = await discoverDataset(phantoms);
    const pairs = train.map(({ imagePath, annotationPath }) => [imagePath, annotationPath]);
    const request = { pairs, classes, size: SIZE, augmentations: AUGMENTATIONS, repetitions: REPETITIONS };
    const list = await albumentations({ ...request, form: 'list' });
    const array = await albumentations({ ...request, form: 'array' });
    const store = openStore(join(scratch, 'feed'));
    const { hash, samples } = await prepareDataset({ folder: phantoms, size: SIZE, classes, store });
    const prepared = await store.checkout(`datasets/prepared/${hash}`);
    const settings = { prepared, samples, batchSize: 1, classes: classes.length, seed: 1, startStep: 0, augmentations: AUGMENTATIONS };
    let epoch = 0;
    const ours = await measure(samples.length, REPETITIONS, () => {
      epoch += 1;
      const maker = new BatchMaker({ ...settings, epoch });
      for (let made = maker.next(); made; made = maker.next(made.buffers));
    });
    return besideFastest(ours, [
      { name: 'list of masks', figure: list },
      { name: 'one array of masks', figure: array },
    ]);
  },
};
