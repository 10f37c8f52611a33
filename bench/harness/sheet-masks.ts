import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { readAnnotation } from '@carpal/report/dataset/annotation.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';

/** Side of the competition's sheets. */
export const SHEET = 2048;

/** A phantom's annotation file and its masks, class by class. */
export type ImageMasks = { readonly imageName: string; readonly annotation: string; readonly masks: readonly RleMask[] };

/** The masks of the first `count` phantoms. */
export async function imageMasks(phantoms: string, classes: readonly string[], count: number): Promise<ImageMasks[]> {
  const { train } = await discoverDataset(phantoms);
  return Promise.all(
    train.slice(0, count).map(async ({ imageName, annotationPath }) => {
      if (annotationPath === undefined) throw new Error(`the phantom ${imageName} has no annotation`);
      const polygons = await readAnnotation(annotationPath, classes);
      return { imageName, annotation: annotationPath, masks: polygons.map((polygon) => fillPolygon(polygon, SHEET, SHEET)) };
    }),
  );
}
