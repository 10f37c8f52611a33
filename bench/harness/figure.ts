import { quantile } from '@carpal/report/statistics/estimates.ts';

/** What one side of a comparison measured: the seconds of each repetition, and how many items a repetition handled. */
export type Figure = {
  readonly seconds: readonly number[];
  readonly items: number;
  /** Resident memory of the side's own process at its highest, where it had one. */
  readonly peakMb?: number;
  /** How many values its network trains, where it has one. */
  readonly parameters?: number;
};

/** One of several ways in which a peer can be run. */
export type NamedFigure = { readonly name: string; readonly figure: Figure };

/** What a comparison found: the ratio is to `peer`, the fastest of `peers` where there are several. */
export type Compared = {
  readonly ours: Figure;
  readonly peer: Figure;
  readonly peers?: readonly NamedFigure[];
  /** Names of ways that were tried and did not work. */
  readonly refused?: readonly string[];
};

export function medianOf(values: readonly number[]): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
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

/** What is done to each of several inputs; only the work is timed. */
type EachWork<Input, Prepared> = { readonly prepare: (input: Input) => Prepared; readonly work: (prepared: Prepared) => unknown };

/**
 * Times `work` on all inputs together, `repetitions` times after a first one that does not count. What `prepare` makes of an input is held
 * for its turn only.
 */
export async function measureEach<Input, Prepared>(
  items: number,
  repetitions: number,
  inputs: readonly Input[],
  { prepare, work }: EachWork<Input, Prepared>,
  now: () => number = () => performance.now(),
): Promise<Figure> {
  const seconds: number[] = [];
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    let spentMs = 0;
    for (const input of inputs) {
      const prepared = prepare(input);
      const start = now();
      await work(prepared);
      spentMs += now() - start;
    }
    if (repetition > 0) seconds.push(spentMs / 1000);
  }
  return { seconds, items };
}

/** One side's figures of several processes as one: all repetitions, and the most memory. Throws a RangeError for none. */
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

/** Compares with the fastest of a peer's ways, so that it is shown at its best. Throws a RangeError for none. */
export function besideFastest(ours: Figure, peers: readonly NamedFigure[]): Compared {
  const [fastest] = [...peers].sort((a, b) => millisecondsPerItem(a.figure).median - millisecondsPerItem(b.figure).median);
  if (!fastest) throw new RangeError('there is no peer to compare with');
  return { ours, peer: fastest.figure, peers };
}
