import { join } from 'node:path';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE } from '@carpal/configs/names.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { emptyMask, type RleMask } from '@carpal/masks/rle-mask.ts';
import { readAnnotation } from '../dataset/annotation.ts';
import { discoverDataset, type Sample } from '../dataset/discover.ts';
import { stemOf } from '../dataset/image-names.ts';
import { readRadiograph } from '../dataset/read-radiograph.ts';
import { scoreMasks } from '../scoring/scoring.ts';
import { readRowMask, SubmissionFile } from '../scoring/submission-file.ts';
import type { Suspect } from '../statistics/suspects.ts';
import { overlayPng } from './overlay.ts';
import { greyPicture } from './radiographs.ts';

export type SuspectOverlays = {
  /** The folder of the experiment in the artifact store. */
  readonly store: ArtifactStore;
  readonly dataset: string;
  readonly classes: readonly string[];
  readonly suspects: readonly Suspect[];
  /** The folder for the overlays, one PNG per image. */
  readonly folder: string;
};

/**
 * Draws each image that has a suspect: the suspects' masks filled, their annotations as dashed outlines. Returns the paths in the order of
 * the first suspect of each image. Throws artifact-missing if the run's masks are not in the store, and dataset-layout if the data set lacks
 * one of its images.
 */
export async function writeSuspectOverlays({ store, dataset, classes, suspects, folder }: SuspectOverlays): Promise<readonly string[]> {
  const samples = new Map((await discoverDataset(dataset)).train.map((sample) => [sample.imageName, sample]));
  const paths: string[] = [];
  for (const [imageName, own] of Map.groupBy(suspects, (suspect) => suspect.imageName)) {
    const sample = samples.get(imageName);
    if (sample?.annotationPath === undefined)
      throw new CarpalError('dataset-layout', `the data set has no annotated image ${imageName}`, { where: dataset });
    const path = join(folder, `${stemOf(imageName)}.png`);
    await writeFileAtomically(path, await overlayOf(store, sample, sample.annotationPath, own, classes));
    paths.push(path);
  }
  return paths;
}

async function overlayOf(
  store: ArtifactStore,
  { imageName, imagePath, group }: Sample,
  annotationPath: string,
  own: readonly Suspect[],
  classes: readonly string[],
): Promise<Buffer> {
  const radiograph = await readRadiograph(imagePath);
  const { width, height } = radiograph;
  const polygons = await readAnnotation(annotationPath, classes);
  const shown = new Set(own.map(({ classIndex }) => classIndex));
  const all = await predictedMasks(store, own[0]?.fold ?? 0, imageName, classes, { width, height });
  const truth = polygons.map((polygon) => fillPolygon(polygon, width, height));
  const onlyShown = (masks: readonly RleMask[]): RleMask[] =>
    masks.map((mask, index) => (shown.has(index) ? mask : emptyMask(width, height)));
  return overlayPng({
    ...{ picture: greyPicture(radiograph), width, height, classes, title: imageName, dice: scoreMasks(all, truth) },
    ...{ masks: onlyShown(all), truth: onlyShown(truth) },
    notes: own.map(({ classIndex, dice, usual }) => `${classes[classIndex]}: Dice ${dice.toFixed(3)}, usually ${usual.toFixed(3)}`),
    ...(group === '' ? {} : { title: `${group} ${imageName}` }),
  });
}

/** The out-of-fold masks of an image; empty masks for classes without a row. */
async function predictedMasks(
  store: ArtifactStore,
  fold: number,
  imageName: string,
  classes: readonly string[],
  { width, height }: { readonly width: number; readonly height: number },
): Promise<RleMask[]> {
  const [outOfFold = '', name = ''] = FILE.outOfFoldPredictions.split('/');
  const file = await SubmissionFile.open(join(await store.checkout(`folds/${fold}/${outOfFold}`), name));
  try {
    const rows = new Map(file.rows.filter((row) => row.imageName === imageName).map((row) => [row.className, row]));
    const masks: RleMask[] = [];
    for (const className of classes) {
      const row = rows.get(className);
      masks.push(row ? await readRowMask(file, row, width, height) : emptyMask(width, height));
    }
    return masks;
  } finally {
    await file.close();
  }
}
