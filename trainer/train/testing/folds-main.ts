/** A process that trains folds, one after the other, and prints how each ended: `finished`, or where it stopped. */
import { openStore } from '@carpal/artifacts/open-store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { runFold } from '../../stages/fold.ts';

export type FoldsRequest = {
  readonly folder: string;
  readonly experiments: readonly SegmentationExperiment[];
  /** Stops each fold in its second epoch, after this number of reads of the clock. */
  readonly stopAfterReads?: number;
};

const { folder, experiments, stopAfterReads = Number.POSITIVE_INFINITY } = JSON.parse(process.argv[2] ?? '{}') as FoldsRequest;

async function train(experiment: SegmentationExperiment): Promise<string> {
  const stop = new AbortController();
  let left = Number.POSITIVE_INFINITY;
  const clock = (): number => {
    if (--left === 0) stop.abort();
    return Date.now();
  };
  const log = (line: string): void => {
    if (line.startsWith('epoch 1/')) left = stopAfterReads;
  };
  try {
    await runFold({ experiment, fold: 0, store: openStore(folder), clock, signal: stop.signal, log });
    return 'finished';
  } catch (error) {
    if (error instanceof CarpalError && error.code === 'stopped-with-checkpoint') return error.message;
    throw error;
  }
}

const endings: string[] = [];
for (const experiment of experiments) endings.push(await train(experiment));
process.stdout.write(JSON.stringify(endings));
