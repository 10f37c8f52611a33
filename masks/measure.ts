import { intersectionArea } from './combine.ts';
import type { RleMask } from './rle-mask.ts';

/** The smallest axis-aligned box around a mask, in pixels: columns left … right and rows top … bottom, all inclusive. */
export type Box = { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };

/** The number of pixels in the mask. */
export function area(mask: RleMask): number {
  const { bounds } = mask;
  let pixels = 0;
  for (let i = 0; i < bounds.length; i += 2) pixels += (bounds[i + 1] as number) - (bounds[i] as number);
  return pixels;
}

/** The smallest box around the mask, or undefined if the mask is empty. */
export function boundingBox(mask: RleMask): Box | undefined {
  const { bounds, width } = mask;
  if (bounds.length === 0) return undefined;
  let left = width - 1;
  let right = 0;
  for (let i = 0; i < bounds.length; i += 2) {
    const start = bounds[i] as number;
    const last = (bounds[i + 1] as number) - 1;
    const row = Math.floor(start / width);
    const lastRow = Math.floor(last / width);
    // A run that continues in the next row touches both sides of the image.
    left = Math.min(left, lastRow > row ? 0 : start - row * width);
    right = Math.max(right, lastRow > row ? width - 1 : last - lastRow * width);
  }
  const top = Math.floor((bounds[0] as number) / width);
  const bottom = Math.floor(((bounds[bounds.length - 1] as number) - 1) / width);
  return { left, top, right, bottom };
}

/** The Dice coefficient 2 |a ∩ b| / (|a| + |b|), from 0 to 1. It is 1 for two empty masks, because they agree. */
export function dice(a: RleMask, b: RleMask): number {
  const both = intersectionArea(a, b);
  const sum = area(a) + area(b);
  return sum === 0 ? 1 : (2 * both) / sum;
}
