/** A training of the study in its own process, workers/training-main.ts: the request and the reported figures. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { checkExperiment } from '@carpal/configs/check/check-experiment.ts';
import { classListNames } from '@carpal/configs/classes.ts';
import { API_VERSION, experimentSchema, KIND, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';
import { medianOf } from '../harness/figure.ts';
import { trainingKey } from './figure-cache.ts';
import type { ReadingFigure } from './reading-figure.ts';
import type { Reading, Study, Training } from './study.ts';

/** A reading with the key of its figure in the cache. */
export type KeyedReading = Pick<Reading, 'votes' | 'decode' | 'tta' | 'ensemble'> & { readonly key: string };

export type TrainingWork = {
  readonly experiment: SegmentationExperiment;
  /** The folder of the artifact store. */
  readonly store: string;
  readonly folds: readonly number[];
  /** The data set, whose `truth` folder holds the annotations of the test half. */
  readonly dataset: string;
  readonly readings: readonly KeyedReading[];
};

/** What the training of one fold took. */
export type FoldFigure = {
  readonly parameters: number;
  /** The median over the epochs without validation, except the first, in which graphs are recorded. */
  readonly secondsPerEpoch: number;
  readonly seconds: number;
  readonly peakMb: number;
  readonly bestEpoch: number;
};

export type ReportedFigure =
  | { readonly type: 'fold'; readonly fold: number; readonly figure: FoldFigure }
  | { readonly type: 'reading'; readonly key: string; readonly figure: ReadingFigure };

/** The figure of a finished fold. `peakMb` is that of the process that finished it, which may have continued from a checkpoint. */
export function foldFigure(metrics: readonly EpochMetrics[], parameters: number, peakMb: number): FoldFigure {
  const timed = metrics.filter(({ epoch, dice }) => epoch > 1 && dice === null);
  const { epoch: bestEpoch = 0 } = [...metrics].sort((a, b) => (b.dice ?? -1) - (a.dice ?? -1))[0] ?? {};
  return {
    parameters,
    secondsPerEpoch: medianOf((timed.length > 0 ? timed : metrics).map(({ seconds }) => seconds)),
    seconds: metrics.reduce((sum, { seconds }) => sum + seconds, 0),
    peakMb: Math.max(peakMb, ...metrics.map(({ memoryMb }) => memoryMb)),
    bestEpoch,
  };
}

const MAIN = join(import.meta.dirname, '../workers/training-main.ts');

/**
 * Runs a training in its own process, so that its memory is its own, and calls `onFigure` with each figure that it reports, one after the
 * other. If this process dies, the training stops with a checkpoint. Rejects when the training fails.
 */
export async function runTrainingProcess(work: TrainingWork, onFigure: (reported: ReportedFigure) => Promise<void>): Promise<void> {
  const child = fork(MAIN, [JSON.stringify(work)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let handling: Promise<void> = Promise.resolve();
  child.on('message', (reported) => {
    handling = handling.then(() => onFigure(reported as ReportedFigure));
    // The failure is thrown by the `await` below; without this handler it would be unhandled until then.
    handling.catch(() => undefined);
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  await handling;
  if (status !== 0) throw new Error(`the training of ${work.experiment.metadata.name} ended with status ${status}`);
}

/**
 * The training as an experiment on the data set of a folder. The uid is a key of its content, so that it never continues from the
 * checkpoint of another recipe. Throws a RangeError that lists the problems of an invalid recipe.
 */
export function experimentOf(study: Study, training: Training, dataset: string): SegmentationExperiment {
  const { id, spec } = training;
  const manifest = {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: `results-${id}`, uid: trainingKey(study, training) },
    spec: { ...spec, dataset: { uri: dataset, split: { folds: study.folds } } },
  };
  const result = checkExperiment(manifest, classListNames());
  // Every size is explicit, so nothing depends on the machine.
  if (result.ok) return experimentSchema.parse(result.experiment);
  throw new RangeError(`${id} is invalid: ${result.findings.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ')}`);
}
