/** When the last of these pieces of work ends if each is taken up, in order, by whichever of so many lanes is free first. In the unit of `durations`. */
export function lastEnd(durations: readonly number[], lanes: number): number {
  const ends = Array.from({ length: Math.max(1, lanes) }, () => 0);
  for (const duration of durations) {
    const earliest = ends.indexOf(Math.min(...ends));
    ends[earliest] = (ends[earliest] ?? 0) + duration;
  }
  return Math.max(...ends);
}
