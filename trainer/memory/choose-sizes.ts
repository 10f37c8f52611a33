/**
 * Which size to try next, and when to stop: pure, so that whoever tries may do so as it likes. What fits is taken to be monotone: where a
 * size does not fit, no larger one does.
 */

/** Sides that images are usually trained at. */
const SIDES = [256, 384, 512, 768, 1024, 1536, 2048] as const;
/** A batch must bring this much more speed than half of it to be worth its memory. */
export const WORTHWHILE = 1.05;

/** `chosen` undefined: not even the smallest fits. */
export type SizeMove = { readonly next: number } | { readonly chosen: number | undefined };

/**
 * The sides to choose from, rising: the usual ones that the network can halve, up to the first that is no smaller than the images are. Images
 * smaller than all of them leave the one nearest above themselves.
 */
export function sidesFor(sizeMultiple: number, longestSide: number): readonly number[] {
  const halvable = SIDES.filter((side) => side % sizeMultiple === 0);
  const enough = halvable.findIndex((side) => side >= longestSide);
  return enough < 0 ? halvable : halvable.slice(0, enough + 1);
}

/** Bisects rising candidates by what is known: which of those tried fit. */
export function nextSize(candidates: readonly number[], tried: ReadonlyMap<number, boolean>): SizeMove {
  const fitting = candidates.findLastIndex((candidate) => tried.get(candidate) === true);
  const failing = candidates.findIndex((candidate) => tried.get(candidate) === false);
  const end = failing < 0 ? candidates.length : failing;
  const next = candidates[(fitting + end) >> 1];
  return end - fitting <= 1 || next === undefined ? { chosen: candidates[fitting] } : { next };
}

export type BatchTrial = { readonly batchSize: number; readonly fits: boolean; readonly imagesPerSecond: number };
export type BatchMove =
  | { readonly next: number }
  | { readonly chosen: number | undefined; readonly because: 'memory' | 'images' | 'speed' };

/**
 * Doubles the batch for as long as it fits, there are images for it and an image gets faster. `trials` in the order of their batches, from 1
 * on; `most` is the largest batch that has a meaning.
 */
export function nextBatchSize(trials: readonly BatchTrial[], most: number): BatchMove {
  const [last, former] = [trials.at(-1), trials.at(-2)];
  if (last === undefined) return { next: 1 };
  if (!last.fits) return { chosen: former?.batchSize, because: 'memory' };
  if (former !== undefined && last.imagesPerSecond < WORTHWHILE * former.imagesPerSecond) {
    return { chosen: former.batchSize, because: 'speed' };
  }
  const next = 2 * last.batchSize;
  return next > most ? { chosen: last.batchSize, because: 'images' } : { next };
}

/** The largest of rising candidates that fits, or undefined. Asks about few of them: what fits must be monotone. */
export function largestThatFits(candidates: readonly number[], fits: (candidate: number) => boolean): number | undefined {
  const tried = new Map<number, boolean>();
  for (;;) {
    const move = nextSize(candidates, tried);
    if ('chosen' in move) return move.chosen;
    tried.set(move.next, fits(move.next));
  }
}
