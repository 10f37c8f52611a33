import { addCoverage } from '@carpal/masks/coverage.ts';
import { type Fit, squareFit } from '@carpal/masks/fit.ts';
import { dice } from '@carpal/masks/measure.ts';
import { addNearest } from '@carpal/masks/nearest.ts';
import { bitmapFromMask, type RleMask } from '@carpal/masks/rle-mask.ts';
import { logitsToMask } from '@carpal/trainer/infer/logits-to-mask.ts';

/**
 * How a mask is reduced: by the area that it covers, by the pixel at the centre, or as cv2.INTER_NEAREST does, which takes the upper left
 * pixel.
 */
export const TARGET_KINDS = ['area', 'nearest', 'floor'] as const;
export type TargetKind = (typeof TARGET_KINDS)[number];

/** The target that a network learns for an image's mask: `[size, size]` in the training square, 0 to 255. */
export function smallTarget(mask: RleMask, fit: Fit, kind: TargetKind): Uint8Array {
  const target = new Uint8Array(fit.size * fit.size);
  if (kind === 'area') addCoverage(mask, fit, target, 0, 1);
  else if (kind === 'nearest') addNearest(mask, fit, target, 0, 1);
  else addUpperLeft(mask, fit, target);
  return target;
}

/** Samples as cv2.INTER_NEAREST does: at the upper left corner of each target pixel, not at its centre. */
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

/** The mask that a network would give after learning the target perfectly: enlarged bilinearly and cut at one half. */
export function largeMask(target: Uint8Array, fit: Fit, width: number, height: number): RleMask {
  // Minus one half, so that values are cut at 0, as logits are for a threshold of 0.5.
  const logits = Float32Array.from(target, (value) => value / 255 - 0.5);
  return logitsToMask({ logits, classIndex: 0, classes: 1, fit, width, height, threshold: 0.5 });
}

/** The highest Dice that a target of this size and kind allows for a true mask. */
export function ceilingOf(truth: RleMask, size: number, kind: TargetKind): number {
  const { width, height } = truth;
  const fit = squareFit(width, height, size);
  return dice(largeMask(smallTarget(truth, fit, kind), fit, width, height), truth);
}
