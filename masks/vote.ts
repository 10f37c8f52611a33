import { MaskError } from './mask-error.ts';
import type { Runs } from './runs.ts';
import { RunsBuilder } from './runs-builder.ts';
import { checkSameSheet } from './sheet.ts';

/** Later than every pixel of any sheet. */
const NONE = 0xffffffff;

/**
 * The pixels that at least `minVotes` of the masks hold, by one sweep over the bounds of all of them: the time grows with the number of
 * runs, not of pixels. MaskError if there is no mask, the sheets differ in size, or minVotes is not a whole number from 1 to the number
 * of masks.
 */
export function majority(masks: readonly Runs[], minVotes: number): Runs {
  const [first] = masks;
  if (first === undefined) throw new MaskError('A vote needs at least one mask.');
  if (!Number.isInteger(minVotes) || minVotes < 1 || minVotes > masks.length) {
    throw new MaskError(
      `The votes that a pixel needs must be a whole number from 1 to ${masks.length}, the number of masks, not ${minVotes}.`,
    );
  }
  for (const mask of masks) checkSameSheet(first, mask);
  return sweep(masks, minVotes).finish(first.width, first.height);
}

function sweep(masks: readonly Runs[], minVotes: number): RunsBuilder {
  const lists = masks.map((mask) => mask.bounds);
  const passed = new Int32Array(lists.length);
  const next = new Uint32Array(lists.length);
  for (let k = 0; k < lists.length; k++) next[k] = lists[k]?.[0] ?? NONE;
  const runs = new RunsBuilder();
  let [votes, start] = [0, 0];
  for (let at = least(next); at !== NONE; at = least(next)) {
    const before = votes;
    for (let k = 0; k < next.length; k++) {
      if (next[k] !== at) continue;
      const bounds = lists[k] as Uint32Array;
      const index = passed[k] as number;
      votes += (index & 1) === 0 ? 1 : -1;
      passed[k] = index + 1;
      next[k] = index + 1 < bounds.length ? (bounds[index + 1] as number) : NONE;
    }
    if (before < minVotes && votes >= minVotes) start = at;
    else if (before >= minVotes && votes < minVotes) runs.add(start, at);
  }
  return runs;
}

function least(values: Uint32Array): number {
  let smallest = NONE;
  for (let k = 0; k < values.length; k++) if ((values[k] as number) < smallest) smallest = values[k] as number;
  return smallest;
}
