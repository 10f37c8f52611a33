/**
 * When the last of these tasks ends if `workers` workers take them in order, each worker taking the next task as soon as it is free. In the
 * unit of `durations`.
 */
export function makespan(durations: readonly number[], workers: number): number {
  const ends = Array.from({ length: Math.max(1, workers) }, () => 0);
  for (const duration of durations) {
    const earliest = ends.indexOf(Math.min(...ends));
    ends[earliest] = (ends[earliest] ?? 0) + duration;
  }
  return Math.max(...ends);
}
