/** How long to wait before a further attempt. */
export type RetryPolicy = {
  /** The first delay; each further one doubles. */
  readonly baseMs: number;
  readonly longestMs: number;
  /** An attempt that ran at least this long was well: its successor waits only the first delay. */
  readonly healthyAfterMs: number;
};

/** For clusters: failures that come at once must not hammer the API server or a queue. */
export const DEFAULT_RETRY: RetryPolicy = { baseMs: 10_000, longestMs: 300_000, healthyAfterMs: 600_000 };

/** The delay after the `count`-th (from 1) failure or disruption of a stage, whose attempt ran `ranMs`. */
export function retryDelayMs(policy: RetryPolicy, count: number, ranMs: number): number {
  if (ranMs >= policy.healthyAfterMs) return policy.baseMs;
  return Math.min(policy.baseMs * 2 ** Math.min(Math.max(count - 1, 0), 30), policy.longestMs);
}
