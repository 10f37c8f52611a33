import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { addCalibrations, type CalibrationCounts, parseCalibration } from '@carpal/report/statistics/calibration.ts';

/**
 * The calibration counts of all folds together. Undefined where a fold has none, as those trained before they were counted: a part of the
 * folds would not be the experiment. Throws checkpoint-invalid for a file that cannot be read.
 */
export async function readCalibration(
  experiment: SegmentationExperiment,
  store: ArtifactStore,
  classes: number,
): Promise<CalibrationCounts | undefined> {
  const folds: CalibrationCounts[] = [];
  for (const fold of experiment.spec.run.folds) {
    const key = `${foldKey(experiment, fold)}/${FILE.outOfFoldCalibration}`;
    const bytes = await store.readIfPresent(key);
    if (!bytes) return undefined;
    const counts = parseCalibration(bytes.toString('utf8'));
    if (counts?.pixels.length !== classes)
      throw new CarpalError('checkpoint-invalid', "the fold's calibration counts cannot be read", { where: key });
    folds.push(counts);
  }
  return addCalibrations(folds);
}
