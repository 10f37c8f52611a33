import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import type { Runs } from '@carpal/masks/runs.ts';
import { readAnnotation } from '@carpal/trainer/data/annotation.ts';
import { discoverDataset } from '@carpal/trainer/data/discover.ts';

/** Side of the competition's sheets. */
export const SHEET = 2048;

/** A phantom's annotation file and its masks, class by class. */
export type SheetMasks = { readonly imageName: string; readonly annotation: string; readonly masks: readonly Runs[] };

/** The masks of the first `count` phantoms. */
export async function sheetMasks(phantoms: string, classes: readonly string[], count: number): Promise<SheetMasks[]> {
  const { train } = await discoverDataset(phantoms);
  return Promise.all(
    train.slice(0, count).map(async ({ imageName, annotationPath }) => {
      if (annotationPath === undefined) throw new Error(`the phantom ${imageName} has no annotation`);
      const polygons = await readAnnotation(annotationPath, classes);
      return { imageName, annotation: annotationPath, masks: polygons.map((polygon) => fillPolygon(polygon, SHEET, SHEET)) };
    }),
  );
}
