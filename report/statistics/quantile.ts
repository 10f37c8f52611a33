/** The value below which `share` of the sorted values lie, between two of them in proportion. Of no values it is no number. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const [lower, upper] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return lower + (upper - lower) * (at - Math.floor(at));
}
