import { CALIBRATION_LEVELS, type CalibrationCounts } from '@carpal/artifacts/figures.ts';
import { loadClasses } from '@carpal/configs/classes.ts';
import { experimentSchema } from '@carpal/configs/schema/experiment.ts';
import { summarise } from '../../scoring/scoring.ts';
import { epochOf } from '../../statistics/testing/run-figures.ts';
import { scoredImages } from '../../statistics/testing/scored-images.ts';
import type { ReportData } from '../report-data.ts';

/** Counts of networks that are slightly overconfident at all levels. */
function calibrationCounts(classes: number): CalibrationCounts {
  const pixels = Array.from({ length: CALIBRATION_LEVELS }, (_, level) => (level === 0 ? 1e6 : 200));
  const truePixels = pixels.map((count, level) => Math.round(count * (level / (CALIBRATION_LEVELS - 1)) ** 1.3));
  const rows = (row: readonly number[]): (readonly number[])[] => Array.from({ length: classes }, () => row);
  return { images: 12, pixels: rows(pixels), truePixels: rows(truePixels) };
}

/** Report data with 29 classes, six people and two folds of three epochs. */
export function reportData(changes: Partial<ReportData> = {}): ReportData {
  const classes = loadClasses('hand-bones');
  const images = changes.images ?? scoredImages({ people: 6, classes: classes.length });
  const score = summarise(images);
  return {
    experiment: experimentSchema.parse({
      apiVersion: 'carpal.dev/v1alpha1',
      kind: 'SegmentationExperiment',
      metadata: { name: 'wrist' },
      spec: { dataset: { uri: 'data' }, model: { name: 'UNet' }, owner: 'a <b> & "c"' },
    }),
    classes,
    folds: [0, 1].map((fold) => ({
      fold,
      metrics: [epochOf(1), epochOf(2, 31, 640), epochOf(3)],
      score: summarise(images.filter((image) => image.fold === fold)),
    })),
    images,
    score,
    calibration: calibrationCounts(classes.length),
    thresholds: classes.map(() => ({ threshold: 0.5, fitted: 0.5, cleaning: 'none', dice: 0.9, gain: 0.01 })),
    trainImages: images.length,
    testImages: 0,
    worst: [],
    best: [],
    test: [],
    warnings: [],
    environment: { machine: '<one & only>' },
    madeAt: '2026-01-01T00:00:00.000Z',
    ...changes,
  };
}
