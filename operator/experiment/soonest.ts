/** The smallest of the known times; undefined if all are unknown. */
export function soonest(...timesMs: readonly (number | undefined)[]): number | undefined {
  const known = timesMs.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
