import { largestComponent } from './components.ts';
import { fillHoles } from './fill-holes.ts';
import type { RleMask } from './rle-mask.ts';

/**
 * Ways to clean a mask, from the one that changes least: nothing, the largest component alone, holes filled, and the holes of the largest
 * component filled.
 */
export const CLEANINGS = ['none', 'largest', 'fill', 'largest+fill'] as const;
export type Cleaning = (typeof CLEANINGS)[number];

/** The mask cleaned; where there is nothing to clean it is the same object. */
export function cleaned(runs: RleMask, cleaning: Cleaning): RleMask {
  const kept = cleaning === 'largest' || cleaning === 'largest+fill' ? largestComponent(runs) : runs;
  return cleaning === 'fill' || cleaning === 'largest+fill' ? fillHoles(kept) : kept;
}

/** The mask cleaned in every way, in the order of CLEANINGS. Ways that come to the same mask mostly give the same object. */
export function cleanedEveryWay(runs: RleMask): [none: RleMask, largest: RleMask, fill: RleMask, largestAndFill: RleMask] {
  const largest = largestComponent(runs);
  const filled = fillHoles(runs);
  return [runs, largest, filled, largest === runs ? filled : fillHoles(largest)];
}
