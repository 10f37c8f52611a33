import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import type { AugmentationSpec } from '@carpal/configs/schema/experiment.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { BatchMaker } from '@carpal/trainer/data/batch-maker.ts';
import { prepareDataset } from '@carpal/trainer/data/prepare.ts';
import type { Benchmark } from '../harness/case.ts';
import { besideFastest, measure, type NamedFigure } from '../harness/figure.ts';

const SIZE = 512;
const REPETITIONS = 7;

/** What carpal and albumentations both offer, in the form that both sides read: first what keeps lines straight or changes single pixels. */
export const PLAIN: readonly AugmentationSpec[] = [
  { name: 'rotate', probability: 0.5, degrees: 15 },
  { name: 'flipHorizontal', probability: 0.5 },
  { name: 'shiftScaleRotate', probability: 0.5, shift: 0.05, scale: 0.05, degrees: 5 },
  { name: 'brightnessContrast', probability: 0.5, brightness: 0.1, contrast: 0.1 },
  { name: 'gamma', probability: 0.5, low: 0.8, high: 1.25 },
  { name: 'gaussianNoise', probability: 0.5, sigma: 0.02 },
];

/** And what bends, equalizes and blurs. */
const BENDING: readonly AugmentationSpec[] = [
  { name: 'elastic', probability: 0.5, alpha: 0.02, sigma: 0.06 },
  { name: 'gridDistortion', probability: 0.5, steps: 5, limit: 0.2 },
  { name: 'clahe', probability: 0.5, clipLimit: 2, tiles: 8 },
  { name: 'gaussianBlur', probability: 0.5, low: 0.3, high: 1 },
];

type Way = { readonly name: string; readonly settings: { readonly form: 'list' | 'array'; readonly approximate?: boolean } };

const MASKS: readonly Way[] = [
  { name: 'list of masks', settings: { form: 'list' } },
  { name: 'one array of masks', settings: { form: 'array' } },
];
/** albumentations also has an elastic field that is smoothed over 17 pixels only, whatever its sigma: faster, and rougher than asked for. */
const ROUGH: readonly Way[] = MASKS.map(({ name, settings }) => ({
  name: `${name}, rough field`,
  settings: { ...settings, approximate: true },
}));

/** From prepared files here, rasterising included; from images and masks in memory there. One thread on each side. */
function comparison(name: string, augmentations: readonly AugmentationSpec[], ways: readonly Way[]): Benchmark {
  return {
    name,
    item: 'image',
    what: `${augmentations.map((entry) => entry.name).join(', ')}, each of every second image at ${SIZE} px with its 29 masks, one thread, from prepared files to coverage; the peer is albumentations on masks in memory`,
    goal: 1,
    run: async ({ classes, phantoms, scratch, albumentations }) => {
      const { train } = await discoverDataset(phantoms);
      const pairs = train.map(({ imagePath, annotationPath }) => [imagePath, annotationPath]);
      const request = { pairs, classes, size: SIZE, augmentations, repetitions: REPETITIONS };
      const peers: NamedFigure[] = [];
      for (const way of ways) peers.push({ name: way.name, figure: await albumentations({ ...request, ...way.settings }) });
      const store = openStore(join(scratch, 'feed'));
      const { hash, samples } = await prepareDataset({ folder: phantoms, size: SIZE, classes, store });
      const prepared = await store.checkout(`datasets/prepared/${hash}`);
      const settings = { prepared, samples, batchSize: 1, classes: classes.length, seed: 1, startStep: 0, augmentations };
      let epoch = 0;
      const ours = await measure(samples.length, REPETITIONS, () => {
        epoch += 1;
        const maker = new BatchMaker({ ...settings, epoch });
        for (let made = maker.next(); made; made = maker.next(made.buffers));
      });
      return besideFastest(ours, peers);
    },
  };
}

export const augment = comparison('augment', PLAIN, MASKS);
export const augmentBending = comparison('augment-bending', BENDING, [...MASKS, ...ROUGH]);
