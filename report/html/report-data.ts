import type { CalibrationCounts } from '@carpal/artifacts/figures.ts';
import type { ChosenThreshold } from '@carpal/artifacts/thresholds.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';
import type { ScoredImage } from '@carpal/configs/schema/run-figures.ts';
import type { Score } from '../scoring/scoring.ts';

/** A fold as the report shows it. `score` covers the images that its network was not trained on. */
export type ReportFold = { readonly fold: number; readonly metrics: readonly EpochMetrics[]; readonly score: Score };

export type ReportPicture = { readonly title: string; readonly caption: string; readonly jpeg: Buffer };

/** Everything that report.html shows. */
export type ReportData = {
  readonly experiment: SegmentationExperiment;
  readonly classes: readonly string[];
  readonly folds: readonly ReportFold[];
  /** The out-of-fold images of all folds. */
  readonly images: readonly ScoredImage[];
  /** Score over these images. */
  readonly score: Score;
  /** Counts over these images; undefined if a fold has no counts. */
  readonly calibration: CalibrationCounts | undefined;
  /** One per class: threshold and cleaning of the submission, and what they gain. */
  readonly thresholds: readonly ChosenThreshold[];
  readonly trainImages: number;
  readonly testImages: number;
  readonly worst: readonly ReportPicture[];
  readonly best: readonly ReportPicture[];
  readonly test: readonly ReportPicture[];
  /** What the stages warn of: the stage, as people name it, and its warning. */
  readonly warnings: readonly { readonly stage: string; readonly message: string }[];
  /** The environment of the run, as names and values. */
  readonly environment: Readonly<Record<string, string>>;
  /** ISO 8601. */
  readonly madeAt: string;
};
