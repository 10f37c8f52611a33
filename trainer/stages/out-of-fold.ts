import { join } from 'node:path';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ScoredImage } from '@carpal/configs/schema/run-figures.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import type { PreparedSample, PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import type { ReportPicture } from '@carpal/report/html/report-data.ts';
import { pickExtremes } from '@carpal/report/images/pick-images.ts';
import type { Radiographs } from '@carpal/report/images/radiographs.ts';
import { type ImageDice, meanOf, scoreMasks, truthHash } from '@carpal/report/scoring/scoring.ts';
import { readRowMask, SubmissionFile, type SubmissionRow } from '@carpal/report/scoring/submission-file.ts';
import { drawPicture, type EnsembleWork } from './ensemble-work.ts';

/** A training image with the masks of the one network that was not trained on its person. */
export type OutOfFoldImage = {
  readonly fold: number;
  readonly sample: PreparedSample;
  readonly masks: readonly RleMask[];
  readonly truth: readonly RleMask[];
  /** In class order. */
  readonly dice: readonly number[];
};

/**
 * The images of each fold's out-of-fold/predictions.csv, scored against their annotations, one at a time. Throws submission-invalid if a
 * file lacks a row for a class of one of its images, and artifact-missing if a fold has no file.
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
        if (!sample) throw new CarpalError('submission-invalid', `${imageName} is not a training image`, { where: file.path });
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

/** The Dice of each out-of-fold image. Masks are released as soon as they are scored. */
export async function scoreOutOfFold({ experiment, store, prepared, imageDone, pause }: EnsembleWork): Promise<ScoredImage[]> {
  const images: ScoredImage[] = [];
  for await (const { fold, sample, truth, dice } of outOfFoldImages(experiment, store, prepared)) {
    const { imageName, group } = sample;
    images.push({ imageName, group, fold, truth: truthHash(truth), perClass: [...dice] });
    await imageDone();
    await pause();
  }
  return images;
}

/** Number of worst images, and number of best images. */
const EXTREMES = 4;

/**
 * Draws the worst and the best out-of-fold images with their true masks, writes the overlays to report/overlays and returns them for the
 * report. Reads their masks again, because keeping the masks of all images would need memory that grows with the data set.
 */
export async function drawExtremes(
  work: EnsembleWork,
  radiographs: Radiographs,
  images: readonly ImageDice[],
): Promise<{ worst: ReportPicture[]; best: ReportPicture[] }> {
  const { worst, best } = pickExtremes(
    images.map((image) => meanOf(image.perClass)),
    EXTREMES,
  );
  const selected = new Set([...worst, ...best]);
  const drawn = new Map<number, ReportPicture>();
  let index = 0;
  for await (const image of outOfFoldImages(work.experiment, work.store, work.prepared)) {
    if (selected.has(index)) drawn.set(index, await drawWithTruth(work, radiographs, image));
    work.advanced();
    await work.pause();
    index += 1;
  }
  const picturesOf = (places: readonly number[]): ReportPicture[] => places.flatMap((place) => drawn.get(place) ?? []);
  return { worst: picturesOf(worst), best: picturesOf(best) };
}

async function drawWithTruth(work: EnsembleWork, radiographs: Radiographs, image: OutOfFoldImage): Promise<ReportPicture> {
  const { sample, masks, truth, dice, fold } = image;
  const { group } = sample;
  const mean = meanOf(dice).toFixed(4);
  return drawPicture(work, radiographs, {
    sample,
    masks,
    truth,
    dice,
    notes: [`Dice ${mean}`, `${group}, out of fold ${fold}`],
    caption: `${group}, fold ${fold}: Dice ${mean}. Dashed white: truth.`,
    prefix: 'out-of-fold-',
  });
}
