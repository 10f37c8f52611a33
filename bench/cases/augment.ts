import type { AugmentationSpec } from '@carpal/configs/schema/experiment.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { BatchMaker } from '@carpal/trainer/data/batch-maker.ts';
import type { ComparedCase } from '../harness/case.ts';
import { comparedWithFastest, type WayFigure } from '../harness/figure.ts';
import { measure } from '../harness/measure.ts';
import { preparedPhantoms } from '../harness/phantoms.ts';

const SIZE = 512;
const REPETITIONS = 7;

/**
 * Augmentations that carpal and albumentations both have, with parameters that both read. These keep lines straight or change single
 * pixels.
 */
export const PLAIN: readonly AugmentationSpec[] = [
  { name: 'rotate', probability: 0.5, degrees: 15 },
  { name: 'flipHorizontal', probability: 0.5 },
  { name: 'shiftScaleRotate', probability: 0.5, shift: 0.05, scale: 0.05, degrees: 5 },
  { name: 'brightnessContrast', probability: 0.5, brightness: 0.1, contrast: 0.1 },
  { name: 'gamma', probability: 0.5, low: 0.8, high: 1.25 },
  { name: 'gaussianNoise', probability: 0.5, sigma: 0.02 },
];

/** These bend, equalize and blur. */
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
/** albumentations can also smooth its elastic field over only 17 pixels, whatever its sigma: faster, but rougher than requested. */
const ROUGH: readonly Way[] = MASKS.map(({ name, settings }) => ({
  name: `${name}, rough field`,
  settings: { ...settings, approximate: true },
}));

/** carpal starts from prepared files, and rasterises; albumentations starts from images and masks in memory. One thread on each side. */
function comparison(name: string, augmentations: readonly AugmentationSpec[], ways: readonly Way[]): ComparedCase {
  return {
    name,
    item: 'image',
    what: `${augmentations.map((entry) => entry.name).join(', ')}, each applied to every second image at ${SIZE} px with its 29 masks, from prepared files to coverage, one thread`,
    against: 'albumentations on masks in memory, one thread',
    goal: 1,
    run: async (input) => {
      const { classes, phantoms, baselines } = input;
      const { train } = await discoverDataset(phantoms);
      const pairs = train.map(({ imagePath, annotationPath }) => [imagePath, annotationPath]);
      const request = { pairs, classes, size: SIZE, augmentations, repetitions: REPETITIONS };
      const theirs: WayFigure[] = [];
      for (const way of ways) theirs.push({ name: way.name, figure: await baselines.albumentations({ ...request, ...way.settings }) });
      const { folder, samples } = await preparedPhantoms(input, SIZE);
      const settings = { prepared: folder, samples, batchSize: 1, classes: classes.length, seed: 1, startStep: 0, augmentations };
      let epoch = 0;
      const ours = await measure(samples.length, REPETITIONS, () => {
        epoch += 1;
        const maker = new BatchMaker({ ...settings, epoch });
        for (let made = maker.next(); made; made = maker.next(made.buffers));
      });
      return comparedWithFastest(ours, theirs);
    },
  };
}

export const augment = comparison('augment', PLAIN, MASKS);
export const augmentBending = comparison('augment-bending', BENDING, [...MASKS, ...ROUGH]);
