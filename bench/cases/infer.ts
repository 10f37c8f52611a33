import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { BatchMaker } from '@carpal/trainer/data/batch-maker.ts';
import { prepareDataset } from '@carpal/trainer/data/prepare.ts';
import type { Benchmark } from '../harness/case.ts';
import { besideFastest, type NamedFigure } from '../harness/figure.ts';
import { ownProcess } from '../harness/own-process.ts';
import { SHEET } from '../harness/sheet-masks.ts';

const SIZE = 512;
const IMAGES = 2;
const REPETITIONS = 5;
const LAYOUTS = { NCHW: 'contiguous', channels_last: 'channels_last' } as const;

/** What both sides are asked to do. */
export type InferRequest = {
  readonly network: string;
  readonly size: number;
  readonly classes: number;
  readonly threshold: number;
  /** Image files, and the logits that take the place of the answer for each: raw float32, channels first. */
  readonly images: readonly string[];
  readonly logits: readonly string[];
  readonly repetitions: number;
};

/**
 * Logits as a network that has learned the truth might give them, from coverage 0..255 [pixels, classes], channels first: ±4 inside and
 * outside, in between where a bone's edge crosses a pixel.
 */
export function logitsOfCoverage(coverage: Uint8Array, classes: number): Float32Array<ArrayBuffer> {
  const pixels = coverage.length / classes;
  const logits = new Float32Array(coverage.length);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < classes; channel++) {
      logits[channel * pixels + pixel] = ((coverage[pixel * classes + channel] as number) / 255) * 8 - 4;
    }
  }
  return logits;
}

/** Image file to RLE text of every class. Random weights would give noise, so logits of the truth take the place of the answer. */
const infer = (network: string): Benchmark => ({
  name: `infer-${network}`,
  item: 'image',
  what: `an image file at ${SHEET}² through ${network} at ${SIZE} px to RLE text of 29 masks at ${SHEET}²; the peer is the original's method in PyTorch`,
  goal: 1,
  run: async ({ classes, phantoms, scratch, pytorch }) => {
    const store = openStore(join(scratch, 'feed'));
    const { hash, samples } = await prepareDataset({ folder: phantoms, size: SIZE, classes, store });
    const prepared = await store.checkout(`datasets/prepared/${hash}`);
    const { train } = await discoverDataset(phantoms);
    const chosen = train.slice(0, IMAGES);
    const ordered = chosen.flatMap(({ imageName }) => samples.filter((sample) => sample.imageName === imageName));
    const settings = {
      prepared,
      samples: ordered,
      batchSize: 1,
      classes: classes.length,
      seed: 1,
      epoch: 1,
      startStep: 0,
      augmentations: [],
    };
    const maker = new BatchMaker(settings);
    const logits = chosen.map(({ imageName }) => join(scratch, `infer-${imageName}.logits`));
    for (const path of logits) {
      const { buffers } = maker.next() ?? {};
      if (!buffers) throw new Error('the prepared set holds fewer images than its folder');
      await writeFile(path, logitsOfCoverage(buffers.targets, classes.length));
    }
    const images = chosen.map(({ imagePath }) => imagePath);
    const request: InferRequest = {
      network,
      size: SIZE,
      classes: classes.length,
      threshold: 0.5,
      images,
      logits,
      repetitions: REPETITIONS,
    };
    const ours = await ownProcess('infer-main.ts', request);
    const peers: NamedFigure[] = [];
    for (const [name, layout] of Object.entries(LAYOUTS)) {
      peers.push({ name, figure: await pytorch.infer({ ...request, layout, threads: availableParallelism() }) });
    }
    return besideFastest(ours, peers);
  },
});

export const INFERENCES: readonly Benchmark[] = [infer('UNet'), infer('SlimUNet')];
