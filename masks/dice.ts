import { intersectionArea } from './combine.ts';
import { area } from './measure.ts';
import type { RleMask } from './rle-mask.ts';

/** The Dice coefficient 2 |a ∩ b| / (|a| + |b|), from 0 to 1; two empty masks agree, so theirs is 1. */
export function dice(a: RleMask, b: RleMask): number {
  const both = intersectionArea(a, b);
  const sum = area(a) + area(b);
  return sum === 0 ? 1 : (2 * both) / sum;
}
