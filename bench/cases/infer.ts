import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { BatchMaker } from '@carpal/trainer/data/batch-maker.ts';
import type { ComparedCase } from '../harness/case.ts';
import { comparedWithFastest, type WayFigure } from '../harness/figure.ts';
import { IMAGE_SIZE, preparedPhantoms } from '../harness/phantoms.ts';
import { runWorker } from '../harness/processes.ts';

const SIZE = 512;
const IMAGES = 2;
const REPETITIONS = 5;
const LAYOUTS = { NCHW: 'contiguous', channels_last: 'channels_last' } as const;

/** The request to both sides. */
export type InferRequest = {
  readonly network: string;
  readonly size: number;
  readonly classes: number;
  readonly threshold: number;
  /** Image files, and for each a file of the logits that replace the network's answer: raw float32, channels first. */
  readonly images: readonly string[];
  readonly logits: readonly string[];
  readonly repetitions: number;
};

/**
 * Logits that a trained network could give, channels first, from coverage 0..255 `[pixels, classes]`: +4 inside, −4 outside, and in between
 * where the edge of a bone crosses a pixel.
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

/** Random weights would give noise, so the logits of the true masks replace the network's answer on both sides. */
const infer = (network: string): ComparedCase => ({
  name: `infer-${network}`,
  item: 'image',
  what: `an image file at ${IMAGE_SIZE}² through ${network} at ${SIZE} px to RLE text of 29 masks at ${IMAGE_SIZE}²`,
  against: "the original's method in PyTorch",
  goal: 1,
  run: async (input) => {
    const { classes, phantoms, scratch, baselines } = input;
    const { folder, samples } = await preparedPhantoms(input, SIZE);
    const { train } = await discoverDataset(phantoms);
    const chosen = train.slice(0, IMAGES);
    const ordered = chosen.flatMap(({ imageName }) => samples.filter((sample) => sample.imageName === imageName));
    const batches = { prepared: folder, samples: ordered, batchSize: 1, classes: classes.length, seed: 1 };
    const maker = new BatchMaker({ ...batches, epoch: 1, startStep: 0, augmentations: [] });
    const logits = chosen.map(({ imageName }) => join(scratch, `infer-${imageName}.logits`));
    for (const path of logits) {
      const { buffers } = maker.next() ?? {};
      if (!buffers) throw new Error('the prepared set holds fewer images than its folder');
      await writeFile(path, logitsOfCoverage(buffers.targets, classes.length));
    }
    const request: InferRequest = {
      network,
      size: SIZE,
      classes: classes.length,
      threshold: 0.5,
      images: chosen.map(({ imagePath }) => imagePath),
      logits,
      repetitions: REPETITIONS,
    };
    const ours = await runWorker('infer-main.ts', request);
    const ways: WayFigure[] = [];
    for (const [name, layout] of Object.entries(LAYOUTS)) {
      ways.push({ name, figure: await baselines.pytorch.infer({ ...request, layout, threads: availableParallelism() }) });
    }
    return comparedWithFastest(ours, ways);
  },
});

export const INFERENCES: readonly ComparedCase[] = [infer('UNet'), infer('SlimUNet')];
