import { addCoverage } from '@carpal/masks/coverage.ts';
import { dice } from '@carpal/masks/dice.ts';
import { type Fit, squareFit } from '@carpal/masks/fit.ts';
import { addNearest } from '@carpal/masks/nearest.ts';
import { bitmapFromMask, type RleMask } from '@carpal/masks/rle-mask.ts';
import { logitsToMask } from '@carpal/trainer/infer/logits-to-mask.ts';

/** How a mask is made small: by the area that it covers, by the pixel at the centre, or by cv2.INTER_NEAREST, which takes the upper left one. */
export const TARGET_KINDS = ['area', 'nearest', 'floor'] as const;
export type TargetKind = (typeof TARGET_KINDS)[number];

/** The mask of a sheet in a training square, 0 to 255, as a network would be asked to learn it. */
export function smallTarget(mask: RleMask, fit: Fit, kind: TargetKind): Uint8Array {
  const target = new Uint8Array(fit.size * fit.size);
  if (kind === 'area') addCoverage(mask, fit, target, 0, 1);
  else if (kind === 'nearest') addNearest(mask, fit, target, 0, 1);
  else addUpperLeft(mask, fit, target);
  return target;
}

/** As cv2.INTER_NEAREST samples: at the upper left corner of each square pixel, not under its centre. */
function addUpperLeft(mask: RleMask, { size, scale, offsetX, offsetY }: Fit, target: Uint8Array): void {
  const { width, height } = mask;
  const bitmap = bitmapFromMask(mask);
  for (let row = 0; row < size; row++) {
    const y = Math.floor(row * scale + offsetY);
    if (y < 0 || y >= height) continue;
    for (let column = 0; column < size; column++) {
      const x = Math.floor(column * scale + offsetX);
      if (x >= 0 && x < width && bitmap[y * width + x] === 1) target[row * size + column] = 255;
    }
  }
}

/** The mask that a network which has learned the target perfectly would give: made large bilinearly and cut at one half. */
export function largeMask(target: Uint8Array, fit: Fit, width: number, height: number): RleMask {
  // Less one half, values are cut at 0, as logits are for a threshold of 0.5.
  const logits = Float32Array.from(target, (value) => value / 255 - 0.5);
  return logitsToMask({ maps: [{ logits, weight: 1 }], classIndex: 0, classes: 1, fit, width, height, threshold: 0.5 });
}

/** The highest Dice that the size and kind of the target leave for a true mask. */
export function ceilingOf(truth: RleMask, size: number, kind: TargetKind): number {
  const { width, height } = truth;
  const fit = squareFit(width, height, size);
  return dice(largeMask(smallTarget(truth, fit, kind), fit, width, height), truth);
}
