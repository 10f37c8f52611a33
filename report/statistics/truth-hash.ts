import { createHash } from 'node:crypto';
import type { RleMask } from '@carpal/masks/rle-mask.ts';

const DIGITS = 16;

/** A short hash of an image's true masks in class order, at its own size: the same on every machine and at every training size. */
export function truthHash(truth: readonly RleMask[]): string {
  const hash = createHash('sha256');
  for (const { width, height, bounds } of truth) hash.update(`${width}×${height}:${bounds.join()};`);
  return hash.digest('hex').slice(0, DIGITS);
}
