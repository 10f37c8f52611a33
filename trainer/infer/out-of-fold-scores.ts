import { join } from 'node:path';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import type { PreparedSample, PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { scoreMasks } from '@carpal/report/scoring/scoring.ts';
import { readRowMask, SubmissionFile, type SubmissionRow } from '@carpal/report/scoring/submission-file.ts';

/** A training image seen by the one network that was not trained on its person. */
export type OutOfFoldImage = {
  readonly fold: number;
  readonly sample: PreparedSample;
  readonly masks: readonly RleMask[];
  readonly truth: readonly RleMask[];
  /** In class order. */
  readonly dice: readonly number[];
};

/**
 * The images of every fold's out-of-fold/predictions.csv, scored against their annotations, one at a time. Throws submission-invalid where
 * a file does not have a row for each class of each of its images, artifact-missing where a fold has none.
 */
export async function* outOfFoldImages(
  experiment: SegmentationExperiment,
  store: ArtifactStore,
  prepared: PreparedSet,
): AsyncGenerator<OutOfFoldImage> {
  const samples = new Map(prepared.samples.filter(({ half }) => half === 'train').map((sample) => [sample.imageName, sample]));
  for (const fold of experiment.spec.run.folds) {
    const [folder = '', name = ''] = FILE.outOfFoldPredictions.split('/');
    const file = await SubmissionFile.open(join(await store.checkout(`${foldKey(experiment, fold)}/${folder}`), name));
    try {
      for (const [imageName, rows] of rowsByImage(file)) {
        const sample = samples.get(imageName);
        if (!sample) throw new CarpalError('submission-invalid', `${imageName} is no training image`, { where: file.path });
        const { width, height } = sample;
        const masks: RleMask[] = [];
        for (const className of prepared.classes) {
          const row = rows.get(className);
          if (!row) throw new CarpalError('submission-invalid', `${imageName} has no row for ${className}`, { where: file.path });
          masks.push(await readRowMask(file, row, width, height));
        }
        const truth = (await prepared.readPolygons(sample)).map((polygon) => fillPolygon(polygon, width, height));
        yield { fold, sample, masks, truth, dice: scoreMasks(masks, truth) };
      }
    } finally {
      await file.close();
    }
  }
}

function rowsByImage(file: SubmissionFile): Map<string, Map<string, SubmissionRow>> {
  const images = new Map<string, Map<string, SubmissionRow>>();
  for (const row of file.rows) {
    const rows = images.get(row.imageName) ?? new Map<string, SubmissionRow>();
    images.set(row.imageName, rows.set(row.className, row));
  }
  return images;
}
