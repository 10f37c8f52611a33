import { quantile } from '@carpal/report/statistics/estimates.ts';

/** What one side of a comparison measured: the seconds of each repetition, and how many items one repetition handles. */
export type Figure = {
  readonly seconds: readonly number[];
  readonly items: number;
  /** Peak resident memory in MB, if the side ran in its own process. */
  readonly peakMb?: number;
  /** The number of trained parameters, if the side trains a network. */
  readonly parameters?: number;
};

/** The figure of one of several ways to run a baseline. */
export type WayFigure = { readonly name: string; readonly figure: Figure };

/** The figures of both sides. `baseline` is the fastest of `ways` if the baseline runs in several ways. */
export type Compared = {
  readonly ours: Figure;
  readonly baseline: Figure;
  readonly ways?: readonly WayFigure[];
  /** Names of the ways that failed. */
  readonly failedWays?: readonly string[];
};

export function medianOf(values: readonly number[]): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

/** The median of milliseconds per item, and the quartiles around it. */
export function millisecondsPerItem(figure: Figure): { median: number; low: number; high: number } {
  const sorted = figure.seconds.map((seconds) => (seconds * 1000) / figure.items).sort((a, b) => a - b);
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

/** How many times faster than `baseline` `ours` is, by medians. */
export function ratio(ours: Figure, baseline: Figure): number {
  return millisecondsPerItem(baseline).median / millisecondsPerItem(ours).median;
}

/** Joins one side's figures from several processes: all repetitions, and the highest memory peak. Throws a RangeError if there are none. */
export function pooled(figures: readonly Figure[]): Figure {
  const [first] = figures;
  if (!first) throw new RangeError('there are no figures to pool');
  const peaks = figures.flatMap(({ peakMb }) => peakMb ?? []);
  return {
    ...first,
    seconds: figures.flatMap(({ seconds }) => seconds),
    ...(peaks.length === 0 ? {} : { peakMb: Math.max(...peaks) }),
  };
}

/** Compares `ours` with the baseline's fastest way. Throws a RangeError if there is no way. */
export function comparedWithFastest(ours: Figure, ways: readonly WayFigure[]): Compared {
  const [fastest] = [...ways].sort((a, b) => millisecondsPerItem(a.figure).median - millisecondsPerItem(b.figure).median);
  if (!fastest) throw new RangeError('there is no baseline to compare with');
  return { ours, baseline: fastest.figure, ways };
}
