import type { ReportPicture } from '@carpal/report/html/report-data.ts';
import { pickExtremes } from '@carpal/report/images/pick-images.ts';
import type { Radiographs } from '@carpal/report/images/radiographs.ts';
import { type ImageDice, meanOf } from '@carpal/report/scoring/scoring.ts';
import { type OutOfFoldImage, outOfFoldImages } from '../infer/out-of-fold-scores.ts';
import { drawPicture } from './draw-picture.ts';
import type { EnsembleWork } from './ensemble-work.ts';

const EACH = 4;

/**
 * Overlays of the worst and the best out-of-fold images with their truth, written to report/overlays and returned for the report. Their
 * masks are read once more: to keep those of every image until the worst are known would take memory that grows with the data set.
 */
export async function drawExtremes(
  work: EnsembleWork,
  radiographs: Radiographs,
  images: readonly ImageDice[],
): Promise<{ worst: ReportPicture[]; best: ReportPicture[] }> {
  const { worst, best } = pickExtremes(
    images.map((image) => meanOf(image.perClass)),
    EACH,
  );
  const wanted = new Set([...worst, ...best]);
  const drawn = new Map<number, ReportPicture>();
  let index = 0;
  for await (const image of outOfFoldImages(work.experiment, work.store, work.prepared)) {
    if (wanted.has(index)) drawn.set(index, await drawWithTruth(work, radiographs, image));
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
