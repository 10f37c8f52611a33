import { checkSameSize, MaskError } from './mask-error.ts';
import type { RleMask } from './rle-mask.ts';
import { RleBuilder } from './rle-mask.ts';

/** Later than every pixel of any sheet. */
const NONE = 0xffffffff;

/**
 * The pixels that at least `minVotes` of the masks hold, by one sweep over the bounds of all of them: the time grows with the number of
 * runs, not of pixels. MaskError if there is no mask, the sheets differ in size, or minVotes is not a whole number from 1 to the number
 * of masks.
 */
export function majority(masks: readonly RleMask[], minVotes: number): RleMask {
  const first = firstOf(masks);
  if (!Number.isInteger(minVotes) || minVotes < 1 || minVotes > masks.length) {
    throw new MaskError(
      `The votes that a pixel needs must be a whole number from 1 to ${masks.length}, the number of masks, not ${minVotes}.`,
    );
  }
  const votes = masks.map(() => 1);
  return sweep(masks, votes, minVotes).finish(first.width, first.height);
}

/** Weights become whole numbers of this many parts of their sum, which add up exactly in any order. */
const PARTS = 2 ** 40;

/**
 * The pixels whose masks weigh more than half of the sum of all weights; a tie is no majority. Weights count to 12 digits. MaskError if
 * there is no mask, the sheets differ in size, or there is not one finite weight above 0 for each mask.
 */
export function weightedMajority(masks: readonly RleMask[], weights: readonly number[]): RleMask {
  const { width, height } = firstOf(masks);
  if (weights.length !== masks.length || !weights.every((weight) => Number.isFinite(weight) && weight > 0)) {
    throw new MaskError(`A weighted vote of ${masks.length} masks needs as many finite weights above 0, not ${weights.join(', ')}.`);
  }
  // Seen against the largest, no weights are too large or too small to be added.
  const largest = Math.max(...weights);
  const sum = weights.reduce((total, weight) => total + weight / largest, 0);
  const parts = weights.map((weight) => Math.round((weight / largest / sum) * PARTS));
  // Each weight may be off by one part, so what lies that near to half is a tie.
  const needed = Math.floor((parts.reduce((total, part) => total + part, 0) + masks.length) / 2) + 1;
  return sweep(masks, parts, needed).finish(width, height);
}

function firstOf(masks: readonly RleMask[]): RleMask {
  const [first] = masks;
  if (first === undefined) throw new MaskError('A vote needs at least one mask.');
  for (const mask of masks) checkSameSize(first, mask);
  return first;
}

/** The pixels at which the masks that hold it have `needed` votes together; votes are whole numbers. */
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
