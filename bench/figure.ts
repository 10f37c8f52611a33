/** What one side of a comparison measured: the seconds of each repetition, and how many items a repetition handled. */
export type Figure = {
  readonly seconds: readonly number[];
  readonly items: number;
  /** Resident memory of the side's own process at its highest, where it had one. */
  readonly peakMb?: number;
};

function quantile(sorted: readonly number[], fraction: number): number {
  const position = (sorted.length - 1) * fraction;
  const low = sorted[Math.floor(position)] ?? Number.NaN;
  const high = sorted[Math.ceil(position)] ?? Number.NaN;
  return low + (high - low) * (position - Math.floor(position));
}

/** Median milliseconds an item, and the quartiles around it. */
export function millisecondsPerItem(figure: Figure): { median: number; low: number; high: number } {
  const sorted = figure.seconds.map((seconds) => (seconds * 1000) / figure.items).sort((a, b) => a - b);
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

/** How many times faster `ours` is than `peer`, by medians. */
export function ratio(ours: Figure, peer: Figure): number {
  return millisecondsPerItem(peer).median / millisecondsPerItem(ours).median;
}

/** Times `work` `repetitions` times after one run that does not count. `now` gives milliseconds. */
export async function measure(
  items: number,
  repetitions: number,
  work: () => unknown,
  now: () => number = () => performance.now(),
): Promise<Figure> {
  await work();
  const seconds: number[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const start = now();
    await work();
    seconds.push((now() - start) / 1000);
  }
  return { seconds, items };
}
