import { checkSameSize, MaskError } from './mask-error.ts';
import type { RleMask } from './rle-mask.ts';
import { RleBuilder } from './rle-mask.ts';

/** Greater than every pixel number. */
const NONE = 0xffffffff;

/**
 * The pixels in at least `minVotes` of the masks. One sweep over the bounds of all masks: the time depends on the number of runs, not of
 * pixels. Throws a MaskError if there is no mask, the image sizes differ, or minVotes is not an integer from 1 to the number of masks.
 */
export function majority(masks: readonly RleMask[], minVotes: number): RleMask {
  const first = firstOf(masks);
  if (!Number.isInteger(minVotes) || minVotes < 1 || minVotes > masks.length) {
    throw new MaskError(`The number of votes must be an integer from 1 to ${masks.length}, the number of masks, not ${minVotes}.`);
  }
  const votes = masks.map(() => 1);
  return sweep(masks, votes, minVotes).finish(first.width, first.height);
}

/** Weights are converted to integers, which add up exactly in any order; their sum is about this number. */
const PARTS = 2 ** 40;

/**
 * The pixels in masks that together have more than half of the total weight; a tie is not a majority. Weights are exact to 12 digits.
 * Throws a MaskError if there is no mask, the image sizes differ, or the weights are not one finite number above 0 per mask.
 */
export function weightedMajority(masks: readonly RleMask[], weights: readonly number[]): RleMask {
  const { width, height } = firstOf(masks);
  if (weights.length !== masks.length || !weights.every((weight) => Number.isFinite(weight) && weight > 0)) {
    throw new MaskError(`A weighted vote of ${masks.length} masks needs one finite weight above 0 per mask, not ${weights.join(', ')}.`);
  }
  // Relative to the largest weight, no weight is too large or too small for the sum.
  const largest = Math.max(...weights);
  const sum = weights.reduce((total, weight) => total + weight / largest, 0);
  const parts = weights.map((weight) => Math.round((weight / largest / sum) * PARTS));
  // Rounding may change each weight by one part, so a sum that close to half counts as a tie.
  const needed = Math.floor((parts.reduce((total, part) => total + part, 0) + masks.length) / 2) + 1;
  return sweep(masks, parts, needed).finish(width, height);
}

function firstOf(masks: readonly RleMask[]): RleMask {
  const [first] = masks;
  if (first === undefined) throw new MaskError('A vote needs at least one mask.');
  for (const mask of masks) checkSameSize(first, mask);
  return first;
}

/** The pixels for which the masks that contain them have at least `needed` votes in total. Votes are integers. */
function sweep(masks: readonly RleMask[], weights: readonly number[], needed: number): RleBuilder {
  const lists = masks.map((mask) => mask.bounds);
  const passed = new Int32Array(lists.length);
  const next = new Uint32Array(lists.length);
  for (let k = 0; k < lists.length; k++) next[k] = lists[k]?.[0] ?? NONE;
  const builder = new RleBuilder();
  let [votes, start] = [0, 0];
  for (let at = least(next); at !== NONE; at = least(next)) {
    const before = votes;
    for (let k = 0; k < next.length; k++) {
      if (next[k] !== at) continue;
      const bounds = lists[k] as Uint32Array;
      const index = passed[k] as number;
      votes += (index & 1) === 0 ? (weights[k] as number) : -(weights[k] as number);
      passed[k] = index + 1;
      next[k] = index + 1 < bounds.length ? (bounds[index + 1] as number) : NONE;
    }
    if (before < needed && votes >= needed) start = at;
    else if (before >= needed && votes < needed) builder.add(start, at);
  }
  return builder;
}

function least(values: Uint32Array): number {
  let smallest = NONE;
  for (let k = 0; k < values.length; k++) if ((values[k] as number) < smallest) smallest = values[k] as number;
  return smallest;
}
