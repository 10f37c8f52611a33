import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { openBatches } from '@carpal/trainer/data/batches.ts';
import { prepareDataset } from '@carpal/trainer/data/prepare.ts';
import type { Bench, Benchmark } from '../harness/case.ts';
import { type Figure, measure } from '../harness/figure.ts';

const SIZE = 512;
/** Images of one repetition of the peer, which takes about half a second for each. */
const PEER_IMAGES = 4;

/** The original's data set at work: it decodes, rasterises and resizes every image anew in every epoch. */
const peerEpoch = ({ phantoms, classes, peer }: Bench): Promise<Figure> =>
  peer('load', { folder: phantoms, classes, size: SIZE, images: PEER_IMAGES, repetitions: 3 });

/** Once for each data set: decode, fit, keep. */
export const prepare: Benchmark = {
  name: 'prepare',
  item: 'image',
  what: `decode, fit to ${SIZE} px and keep, all cores, once; the peer loads an image on one thread`,
  goal: 8,
  run: async (bench) => {
    const theirs = await peerEpoch(bench);
    const root = join(bench.scratch, 'prepare');
    const again = async (): Promise<number> => {
      await rm(root, { recursive: true, force: true });
      const { samples } = await prepareDataset({ folder: bench.phantoms, size: SIZE, classes: bench.classes, store: openStore(root) });
      return samples.length;
    };
    const images = await again();
    return { ours: await measure(images, 3, again), peer: theirs };
  },
};

/** Once for each epoch: images and 29 coverage channels from the prepared set, on a thread of their own. */
export const feed: Benchmark = {
  name: 'feed',
  item: 'image',
  what: `an epoch's images and 29 coverage channels at ${SIZE} px, from the prepared set`,
  goal: 30,
  run: async (bench) => {
    const theirs = await peerEpoch(bench);
    const store = openStore(join(bench.scratch, 'feed'));
    const { hash, samples } = await prepareDataset({ folder: bench.phantoms, size: SIZE, classes: bench.classes, store });
    const prepared = await store.checkout(`datasets/prepared/${hash}`);
    const request = { prepared, samples, batchSize: 2, classes: bench.classes.length, seed: 1, shuffle: true };
    const ours = await measure(samples.length, 5, async () => {
      let seen = 0;
      for await (const batch of openBatches({ ...request, epoch: 1 })) seen += batch.samples.length;
      if (seen !== samples.length) throw new Error(`the epoch gave ${seen} of ${samples.length} images`);
    });
    return { ours, peer: theirs };
  },
};
