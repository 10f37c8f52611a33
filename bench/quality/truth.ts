/** What the true masks alone show, without any training: the ceilings that targets set, and the cost of one label per pixel. */
import { union } from '@carpal/masks/combine.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { area, dice } from '@carpal/masks/measure.ts';
import { emptyMask, type RleMask } from '@carpal/masks/rle-mask.ts';
import { majority } from '@carpal/masks/vote.ts';
import { readAnnotation } from '@carpal/report/dataset/annotation.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { meanOf } from '@carpal/report/scoring/scoring.ts';
import { findTruth, readTruth } from '@carpal/report/scoring/truth-folder.ts';
import { ceilingOf, TARGET_KINDS, type TargetKind } from './ceiling.ts';
import { smallestFirst, withoutOverlap } from './single-label.ts';

/** The masks of images, in class order, one image at a time. */
type MasksOfImages = AsyncGenerator<readonly RleMask[]>;

/** The true masks of every annotated training image of square phantoms. */
export async function* trueTrainingMasks(folder: string, classes: readonly string[], size: number): MasksOfImages {
  const { train } = await discoverDataset(folder);
  for (const { annotationPath } of train) {
    if (annotationPath === undefined) continue;
    const polygons = await readAnnotation(annotationPath, classes);
    yield polygons.map((polygon) => fillPolygon(polygon, size, size));
  }
}

/** The true masks of every test image of square phantoms. */
export async function* trueTestMasks(folder: string, classes: readonly string[], size: number): MasksOfImages {
  for (const entry of (await findTruth(folder)).entries) yield readTruth(entry, classes, { width: size, height: size });
}

/** The mean Dice that targets of a size and kind allow, overall and per class. */
export type CeilingRow = { readonly size: number; readonly kind: TargetKind; readonly dice: number; readonly perClass: readonly number[] };
export type CeilingFigure = { readonly imageSize: number; readonly images: number; readonly rows: readonly CeilingRow[] };

/** The ceilings of every size and kind over all images. */
export async function measureCeilings(
  images: MasksOfImages,
  imageSize: number,
  sizes: readonly number[],
  onImage: () => void,
): Promise<CeilingFigure> {
  const cells = sizes.flatMap((size) => TARGET_KINDS.map((kind) => ({ size, kind, sums: [] as number[] })));
  let count = 0;
  for await (const masks of images) {
    for (const { size, kind, sums } of cells) {
      for (const [index, mask] of masks.entries()) sums[index] = (sums[index] ?? 0) + ceilingOf(mask, size, kind);
    }
    count += 1;
    onImage();
  }
  const rows = cells.map(({ size, kind, sums }) => {
    const perClass = sums.map((sum) => sum / count);
    return { size, kind, dice: meanOf(perClass), perClass };
  });
  return { imageSize, images: count, rows };
}

/** What a perfect answer with one label per pixel would score. */
export type OverlapFigure = {
  readonly images: number;
  /** The share of the bones' pixels that lie in several bones. */
  readonly sharedOfBone: number;
  readonly sharedOfImage: number;
  /** Where the smaller bone takes the shared pixels, and where the larger one does. */
  readonly smallerTakes: { readonly dice: number; readonly perClass: readonly number[] };
  readonly largerTakes: { readonly dice: number; readonly perClass: readonly number[] };
};

/** How much bones overlap, and what that costs an answer with one label per pixel. */
export async function measureOverlap(images: MasksOfImages): Promise<OverlapFigure> {
  const smaller: number[] = [];
  const larger: number[] = [];
  let [count, shared, bone, pixels] = [0, 0, 0, 0];
  for await (const masks of images) {
    const [first] = masks;
    if (!first) continue;
    const order = smallestFirst(masks);
    addDice(smaller, withoutOverlap(masks, order), masks);
    addDice(larger, withoutOverlap(masks, order.toReversed()), masks);
    const covered = area(masks.reduce((all, mask) => union(all, mask), emptyMask(first.width, first.height)));
    shared += pixelsOfSeveral(masks);
    bone += covered;
    pixels += first.width * first.height;
    count += 1;
  }
  const summary = (sums: readonly number[]): OverlapFigure['smallerTakes'] => {
    const perClass = sums.map((sum) => sum / count);
    return { dice: meanOf(perClass), perClass };
  };
  return {
    images: count,
    sharedOfBone: shared / bone,
    sharedOfImage: shared / pixels,
    smallerTakes: summary(smaller),
    largerTakes: summary(larger),
  };
}

function addDice(sums: number[], masks: readonly RleMask[], truth: readonly RleMask[]): void {
  for (const [index, mask] of truth.entries()) sums[index] = (sums[index] ?? 0) + dice(masks[index] ?? mask, mask);
}

function pixelsOfSeveral(masks: readonly RleMask[]): number {
  return masks.length < 2 ? 0 : area(majority(masks, 2));
}
