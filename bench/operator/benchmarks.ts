/** What the operator promises, measured on a control plane of its own. Beside it stands what JobSet's makers could measure on such a machine. */
import { operatorLoad } from './load.ts';
import type { OperatorOutcome } from './outcome.ts';
import { operatorRest } from './rest.ts';

export type OperatorBenchOptions = {
  /** Instead of the number that the benchmark's name says. */
  readonly experiments?: number;
  /** Leaves processor profiles of the operator in this folder; at rest there is none: the profiler would be most of it. */
  readonly profile?: string;
  /** Hears how far it is. */
  readonly onProgress: (text: string) => void;
};

export type OperatorBenchmark = {
  readonly name: string;
  readonly run: (options: OperatorBenchOptions) => Promise<OperatorOutcome>;
};

const load = (experiments: number): OperatorBenchmark => ({
  name: `operator-${experiments}`,
  run: (options) => operatorLoad({ experiments, ...options }),
});

/** `operator` is all of them. They take minutes, and are asked for by name only. */
export const OPERATOR_BENCHMARKS: readonly OperatorBenchmark[] = [
  load(200),
  load(1000),
  { name: 'operator-rest', run: ({ experiments = 10_000, onProgress }) => operatorRest({ experiments, onProgress }) },
];
