/**
 * Which size to try next, and when to stop. Pure functions, so the caller decides how to try. They assume that if a size does not fit, no
 * larger size does.
 */

/** The usual sides of training images. */
const SIDES = [256, 384, 512, 768, 1024, 1536, 2048] as const;
/** A doubled batch must be this much faster per image to be worth its memory. */
export const WORTHWHILE = 1.05;

/** `chosen` is undefined if not even the smallest size fits. */
export type SizeMove = { readonly next: number } | { readonly chosen: number | undefined };

/**
 * The candidate sides, ascending: the usual sides that are multiples of `sizeMultiple`, up to the first one that is at least as large as
 * the images. For images smaller than all usual sides, the smallest side is the only candidate.
 */
export function sidesFor(sizeMultiple: number, longestSide: number): readonly number[] {
  const divisible = SIDES.filter((side) => side % sizeMultiple === 0);
  const enough = divisible.findIndex((side) => side >= longestSide);
  return enough < 0 ? divisible : divisible.slice(0, enough + 1);
}

/** Bisects ascending candidates. `tried` says for each candidate tried so far whether it fits. */
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
 * Doubles the batch while it fits, there are enough images, and the throughput grows. `trials` are in ascending order of batch size, from
 * 1. `most` is the largest useful batch.
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

/** The largest of ascending candidates that fits, or undefined. Uses bisection, so `fits` must be monotone. */
export function largestThatFits(candidates: readonly number[], fits: (candidate: number) => boolean): number | undefined {
  const tried = new Map<number, boolean>();
  for (;;) {
    const move = nextSize(candidates, tried);
    if ('chosen' in move) return move.chosen;
    tried.set(move.next, fits(move.next));
  }
}
