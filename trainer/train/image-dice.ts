import { dice } from '@carpal/masks/dice.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import type { PreparedSample } from '@carpal/report/dataset/prepared-set.ts';
import { logitsToMask } from '../infer/logits-to-mask.ts';

/** What is the same for all images of a validation. */
export type DiceSettings = {
  readonly preparedFolder: string;
  /** Side of the square that the logits are of. */
  readonly size: number;
  readonly classes: number;
  readonly threshold: number;
};

/** Dice of each class, in their order, of the masks that logits [size, size, classes] give at the image's own size. */
export function imageDice(
  logits: Float32Array,
  { width, height }: PreparedSample,
  truth: readonly RleMask[],
  { size, classes, threshold }: DiceSettings,
): readonly number[] {
  const fit = squareFit(width, height, size);
  const maps = [{ logits, weight: 1 }];
  return truth.map((mask, classIndex) => dice(logitsToMask({ maps, classIndex, classes, fit, width, height, threshold }), mask));
}
