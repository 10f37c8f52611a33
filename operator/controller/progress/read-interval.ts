/** Up to so many folds may train before reads are spread further. */
const UNHURRIED_FOLDS = 10;
/** As often as a stage reports. */
const SHORTEST_MS = 10_000;
const LONGEST_MS = 120_000;

/**
 * How long a progress report is taken for true while so many folds train, of all experiments together: about one read a second in all, and
 * no report older than two minutes.
 */
export function readIntervalMs(runningFolds: number): number {
  return Math.min(Math.max(SHORTEST_MS, (SHORTEST_MS / UNHURRIED_FOLDS) * runningFolds), LONGEST_MS);
}
