import { availableParallelism } from 'node:os';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import type { ComparedCase } from '../harness/case.ts';
import { preparedPhantoms } from '../harness/phantoms.ts';
import { runWorker } from '../harness/processes.ts';

const SIZE = 512;
const BATCH = 2;
/** Images of the epoch, in the proportion of five folds. */
const IMAGES = { training: 8, validation: 2 } as const;
/** Measured epochs, after one warm-up epoch. */
const REPETITIONS = 3;

/** The request to workers/epoch-main.ts. */
export type EpochRequest = {
  readonly network: string;
  readonly prepared: string;
  readonly count: number;
  /** Base names of images. */
  readonly training: readonly string[];
  readonly validation: readonly string[];
  readonly repetitions: number;
};

const WHAT = `an epoch with its data and validation: UNet at ${SIZE} px, ${IMAGES.training} training and ${IMAGES.validation} validation images, batches of ${BATCH}, float32`;

/** carpal prepares the images before the epoch; the original decodes and rasterises them in every epoch. */
const epoch = (name: string, variant: string, doubleForward: boolean, goal: number): ComparedCase => ({
  name,
  item: 'image',
  what: WHAT,
  against: `the original's pipeline in PyTorch, ${variant}`,
  goal,
  run: async (input) => {
    const { classes, phantoms, baselines } = input;
    const { folder } = await preparedPhantoms(input, SIZE);
    const { train } = await discoverDataset(phantoms);
    const training = train.slice(0, IMAGES.training);
    const validation = train.slice(IMAGES.training, IMAGES.training + IMAGES.validation);
    const names = (samples: typeof train) => samples.map(({ imageName }) => imageName);
    const files = (samples: typeof train) => samples.map(({ imagePath, annotationPath }) => [imagePath, annotationPath]);
    const request: EpochRequest = {
      network: 'UNet',
      prepared: folder,
      count: BATCH,
      training: names(training),
      validation: names(validation),
      repetitions: REPETITIONS,
    };
    const ours = await runWorker('epoch-main.ts', request);
    const theirs = { size: SIZE, count: BATCH, classes, threads: availableParallelism(), repetitions: REPETITIONS, doubleForward };
    return { ours, baseline: await baselines.pytorch.epoch({ ...theirs, training: files(training), validation: files(validation) }) };
  },
});

export const EPOCHS: readonly ComparedCase[] = [
  epoch('epoch', 'which ran the network twice per step', true, 2),
  epoch('epoch-once', 'without its second forward pass', false, 1),
];
