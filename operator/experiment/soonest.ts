/** The smallest of the times that are known; undefined if none is. */
export function soonest(...timesMs: readonly (number | undefined)[]): number | undefined {
  const known = timesMs.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
