/** From a data set to batches: preparing it once, feeding an epoch, and waiting for batches in a real training. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { FILE } from '@carpal/configs/names.ts';
import { type EpochMetrics, epochMetricsSchema } from '@carpal/configs/schema/progress.ts';
import { openBatches } from '@carpal/trainer/data/batches.ts';
import { prepareDataset } from '@carpal/trainer/data/prepare.ts';
import type { CaseInput, ComparedCase, ComparedInput, StandaloneCase } from '../harness/case.ts';
import type { Figure } from '../harness/figure.ts';
import type { Measure } from '../harness/goals.ts';
import { measure } from '../harness/measure.ts';
import { preparedPhantoms } from '../harness/phantoms.ts';
import { complete } from '../harness/processes.ts';
import { PLAIN } from './augment.ts';
import { prepareFold } from './prepared-fold.ts';

const SIZE = 512;
/** Images per repetition of the baseline, which takes about half a second for each. */
const BASELINE_IMAGES = 4;

/** The original's data set: it decodes, rasterises and resizes every image again in every epoch. */
const originalEpoch = ({ phantoms, classes, baselines }: ComparedInput): Promise<Figure> =>
  baselines.original('load', { folder: phantoms, classes, size: SIZE, images: BASELINE_IMAGES, repetitions: 3 });
const AGAINST = "the original's data set (OpenCV), which loads each image on one thread";

/** Done once per data set. */
export const prepare: ComparedCase = {
  name: 'prepare',
  item: 'image',
  what: `decode images, fit them to ${SIZE} px and store them, once, on all cores`,
  against: AGAINST,
  goal: 8,
  run: async (input) => {
    const baseline = await originalEpoch(input);
    const root = join(input.scratch, 'prepare');
    const again = async (): Promise<number> => {
      await rm(root, { recursive: true, force: true });
      const { phantoms, classes } = input;
      const { samples } = await prepareDataset({ folder: phantoms, size: SIZE, classes, store: openStore(root), namespace: 'bench' });
      return samples.length;
    };
    const images = await again();
    return { ours: await measure(images, 3, again), baseline };
  },
};

/** Done once per epoch, on its own thread. */
export const feed: ComparedCase = {
  name: 'feed',
  item: 'image',
  what: `an epoch's images and 29 coverage channels at ${SIZE} px, from the prepared set`,
  against: AGAINST,
  goal: 30,
  run: async (input) => {
    const baseline = await originalEpoch(input);
    const { folder, samples } = await preparedPhantoms(input, SIZE);
    const request = { prepared: folder, samples, batchSize: 2, classes: input.classes.length, seed: 1, shuffle: true };
    const ours = await measure(samples.length, 5, async () => {
      let count = 0;
      for await (const batch of openBatches({ ...request, epoch: 1 })) count += batch.samples.length;
      if (count !== samples.length) throw new Error(`the epoch had ${count} of ${samples.length} images`);
    });
    return { ours, baseline };
  },
};

const BATCH = 2;
const EPOCHS = 2;
/** 12 of 16 phantoms are trained on. */
const FOLDS = 4;

/** The share of each epoch that the training waited for batches, from its metrics. Throws a RangeError for an epoch without that figure. */
export function stallMeasures(epochs: readonly EpochMetrics[]): readonly Measure[] {
  const shares = epochs.map(({ epoch, seconds, waitSeconds }) => {
    if (waitSeconds === undefined) throw new RangeError(`epoch ${epoch} does not report how long it waited`);
    return (100 * waitSeconds) / seconds;
  });
  return [
    { what: 'time spent waiting for batches, worst epoch', value: Math.max(...shares), unit: '%', atMost: 2 },
    { what: 'an epoch', value: Math.max(...epochs.map(({ seconds }) => seconds)), unit: 's' },
  ];
}

/** How long a fold of that spec waits for batches, on 12 images with {@link PLAIN} augmentations. */
async function stallOf(input: CaseInput, name: string, spec: Readonly<Record<string, unknown>>): Promise<readonly Measure[]> {
  const { store, key, command } = await prepareFold(input, name, { ...spec, dataset: { split: { folds: FOLDS } }, augmentations: PLAIN });
  await complete(command);
  const lines = (await store.read(`${key}/${FILE.metrics}`)).toString('utf8').trim().split('\n');
  return stallMeasures(lines.map((line) => epochMetricsSchema.parse(JSON.parse(line))));
}

export const feedStall: StandaloneCase = {
  name: 'feed-stall',
  what: `carpal fold: ${EPOCHS} epochs of UNet at ${SIZE} px on 12 images with ${PLAIN.length} augmentations, batches of ${BATCH}, float32`,
  run: (input) =>
    stallOf(input, 'feed-stall', { model: { name: 'UNet' }, input: { size: SIZE }, training: { epochs: EPOCHS, batchSize: BATCH } }),
};

const CROP = { size: 1024, imageSize: 2048 } as const;

/** A small network, whose steps leave the feed little time. */
export const feedStallCrops: StandaloneCase = {
  name: 'feed-stall-crops',
  what: `carpal fold: ${EPOCHS} epochs of SlimUNet on crops of ${CROP.size} px from ${CROP.imageSize} px on 12 images with ${PLAIN.length} augmentations, batches of 1, float32`,
  run: (input) =>
    stallOf(input, 'feed-stall-crops', {
      model: { name: 'SlimUNet' },
      input: { crop: CROP },
      training: { epochs: EPOCHS, batchSize: 1, validateEvery: EPOCHS },
    }),
};
