import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { preparedKey } from '@carpal/configs/names.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { prepareDataset } from '@carpal/trainer/data/prepare.ts';
import type { Benchmark } from '../harness/case.ts';
import { ownProcess } from '../harness/own-process.ts';

const SIZE = 512;
const BATCH = 2;
/** Images of the epoch, in the proportion of five folds. */
const IMAGES = { training: 8, validation: 2 } as const;
/** Epochs measured, after one that does not count. */
const REPETITIONS = 3;

/** What epoch-main.ts is asked to do. */
export type EpochRequest = {
  readonly network: string;
  readonly prepared: string;
  readonly count: number;
  /** Base names of images. */
  readonly training: readonly string[];
  readonly validation: readonly string[];
  readonly repetitions: number;
};

const WHAT = `${IMAGES.training} images trained on and ${IMAGES.validation} validated, UNet at ${SIZE} px, ${BATCH} in a batch, float32`;

/** Prepared once here, before the epoch; decoded and rasterised in every epoch there. */
const epoch = (name: string, peerDoes: string, doubleForward: boolean, goal: number): Benchmark => ({
  name,
  item: 'image',
  what: `an epoch with its data and validation: ${WHAT}; the peer is the original's pipeline in PyTorch, ${peerDoes}`,
  goal,
  run: async ({ classes, phantoms, scratch, pytorch }) => {
    const store = openStore(join(scratch, 'feed'));
    const { hash } = await prepareDataset({ folder: phantoms, size: SIZE, classes, store });
    const { train } = await discoverDataset(phantoms);
    const training = train.slice(0, IMAGES.training);
    const validation = train.slice(IMAGES.training, IMAGES.training + IMAGES.validation);
    const names = (samples: typeof train) => samples.map(({ imageName }) => imageName);
    const files = (samples: typeof train) => samples.map(({ imagePath, annotationPath }) => [imagePath, annotationPath]);
    const request: EpochRequest = {
      network: 'UNet',
      prepared: await store.checkout(preparedKey(hash)),
      count: BATCH,
      training: names(training),
      validation: names(validation),
      repetitions: REPETITIONS,
    };
    const ours = await ownProcess('epoch-main.ts', request);
    const asked = { size: SIZE, count: BATCH, classes, threads: availableParallelism(), repetitions: REPETITIONS, doubleForward };
    return { ours, peer: await pytorch.epoch({ ...asked, training: files(training), validation: files(validation) }) };
  },
});

export const EPOCHS: readonly Benchmark[] = [
  epoch('epoch', 'which ran the network twice a step', true, 2),
  epoch('epoch-once', 'without its second pass through the network', false, 1),
];
