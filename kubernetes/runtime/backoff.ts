/** Waits between tries that fail: twice as long each time, up to a limit. */

export type BackoffLimits = { readonly baseMs: number; readonly longestMs: number };

/** The wait after the `failures`-th failure in a row (1 is the first): base · 2^(failures − 1), at most `longestMs`; 0 for none. */
export function backoffMs(failures: number, { baseMs, longestMs }: BackoffLimits): number {
  if (failures <= 0) return 0;
  // Beyond 2^52 the doubling is far past every limit.
  return Math.min(longestMs, baseMs * 2 ** Math.min(failures - 1, 52));
}

/** Between half of `ms` and all of it, so that those that failed together do not come back together. `random` is uniform in [0, 1). */
export function jittered(ms: number, random: () => number): number {
  return ms * (0.5 + random() / 2);
}
