import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { readAnnotation } from '@carpal/report/dataset/annotation.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { findTruth, readTruth } from '@carpal/report/scoring/truth-folder.ts';

/** The true masks of every annotated training sheet of square phantoms, in class order, one sheet at a time. */
export async function* trueTrainingSheets(folder: string, classes: readonly string[], size: number): AsyncGenerator<RleMask[]> {
  const { train } = await discoverDataset(folder);
  for (const { annotationPath } of train) {
    if (annotationPath === undefined) continue;
    const polygons = await readAnnotation(annotationPath, classes);
    yield polygons.map((polygon) => fillPolygon(polygon, size, size));
  }
}

/** The same of the test half. */
export async function* trueTestSheets(folder: string, classes: readonly string[], size: number): AsyncGenerator<RleMask[]> {
  for (const entry of await findTruth(folder)) yield readTruth(entry, classes, { width: size, height: size });
}
