import type { CalibrationCounts } from '@carpal/artifacts/figures.ts';
import type { ChosenThreshold } from '@carpal/artifacts/thresholds.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';
import type { ScoredImage } from '@carpal/configs/schema/run-figures.ts';
import type { Score } from '../scoring/scoring.ts';

/** A fold as the report shows it. `score` is that of the images its network was not trained on. */
export type ReportFold = { readonly fold: number; readonly metrics: readonly EpochMetrics[]; readonly score: Score };

export type ReportPicture = { readonly title: string; readonly caption: string; readonly jpeg: Buffer };

/** All that report.html shows. */
export type ReportData = {
  readonly experiment: SegmentationExperiment;
  readonly classes: readonly string[];
  readonly folds: readonly ReportFold[];
  /** All folds' own images. */
  readonly images: readonly ScoredImage[];
  /** Over these images. */
  readonly score: Score;
  /** Over these images; undefined where a fold has not counted them. */
  readonly calibration: CalibrationCounts | undefined;
  /** One a class; what the submission was cut at. */
  readonly thresholds: readonly ChosenThreshold[];
  readonly trainImages: number;
  readonly testImages: number;
  readonly worst: readonly ReportPicture[];
  readonly best: readonly ReportPicture[];
  readonly test: readonly ReportPicture[];
  /** What it ran on: a name and a value a line. */
  readonly environment: Readonly<Record<string, string>>;
  /** ISO 8601. */
  readonly madeAt: string;
};
