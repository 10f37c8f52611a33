/** What a training's own process is asked to do, and what it tells. */
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';
import { medianOf } from '../harness/figure.ts';
import type { ReadingFigure } from './reading-figure.ts';
import type { Reading } from './study.ts';

/** A reading with the key that its figure is kept under. */
export type KeyedReading = Pick<Reading, 'votes' | 'decode' | 'tta' | 'ensemble'> & { readonly key: string };

export type TrainingWork = {
  readonly experiment: SegmentationExperiment;
  /** The folder of the artifact store. */
  readonly store: string;
  readonly folds: readonly number[];
  /** The data set, whose `truth` holds the annotations of the test half. */
  readonly dataset: string;
  readonly readings: readonly KeyedReading[];
};

/** What the training of one fold took. */
export type FoldFigure = {
  readonly parameters: number;
  /** The median over the epochs that validate nothing, without the first, in which graphs are recorded. */
  readonly secondsPerEpoch: number;
  readonly seconds: number;
  readonly peakMb: number;
  readonly bestEpoch: number;
};

export type ToldFigure =
  | { readonly type: 'fold'; readonly fold: number; readonly figure: FoldFigure }
  | { readonly type: 'reading'; readonly key: string; readonly figure: ReadingFigure };

/** The figure of a finished fold. `peakMb` is of the process that finished it, which may have begun in the middle. */
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
