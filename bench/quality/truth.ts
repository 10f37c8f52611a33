/** What can be said of targets and of single-label answers without any training: from the true masks alone. */

import { union } from '@carpal/masks/combine.ts';
import { dice } from '@carpal/masks/dice.ts';
import { area } from '@carpal/masks/measure.ts';
import { emptyMask, type RleMask } from '@carpal/masks/rle-mask.ts';
import { majority } from '@carpal/masks/vote.ts';
import { meanOf } from '@carpal/report/scoring/scoring.ts';
import { ceilingOf, TARGET_KINDS, type TargetKind } from './ceiling.ts';
import { smallestFirst, withoutOverlap } from './single-label.ts';

/** The mean Dice that targets of a kind and size leave, in all and a class. */
export type CeilingRow = { readonly size: number; readonly kind: TargetKind; readonly dice: number; readonly perClass: readonly number[] };
export type CeilingFigure = { readonly sheet: number; readonly sheets: number; readonly rows: readonly CeilingRow[] };

/** The ceilings of every size and kind over all sheets. */
export async function measureCeilings(
  sheets: AsyncIterable<readonly RleMask[]>,
  sheetSize: number,
  sizes: readonly number[],
  onSheet: () => void,
): Promise<CeilingFigure> {
  const cells = sizes.flatMap((size) => TARGET_KINDS.map((kind) => ({ size, kind, sums: [] as number[] })));
  let count = 0;
  for await (const masks of sheets) {
    for (const { size, kind, sums } of cells) {
      for (const [index, mask] of masks.entries()) sums[index] = (sums[index] ?? 0) + ceilingOf(mask, size, kind);
    }
    count += 1;
    onSheet();
  }
  const rows = cells.map(({ size, kind, sums }) => {
    const perClass = sums.map((sum) => sum / count);
    return { size, kind, dice: meanOf(perClass), perClass };
  });
  return { sheet: sheetSize, sheets: count, rows };
}

/** What a perfect answer with one label a pixel would score. */
export type OverlapFigure = {
  readonly sheets: number;
  /** The share of the pixels of bones that lie in several. */
  readonly sharedOfBone: number;
  readonly sharedOfImage: number;
  /** Where the smaller bone takes what it shares, and where the larger one does. */
  readonly smallerTakes: { readonly dice: number; readonly perClass: readonly number[] };
  readonly largerTakes: { readonly dice: number; readonly perClass: readonly number[] };
};

/** How much bones overlap, and what that costs an answer that cannot say so. */
export async function measureOverlap(sheets: AsyncIterable<readonly RleMask[]>): Promise<OverlapFigure> {
  const smaller: number[] = [];
  const larger: number[] = [];
  let [count, shared, bone, pixels] = [0, 0, 0, 0];
  for await (const masks of sheets) {
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
    sheets: count,
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
