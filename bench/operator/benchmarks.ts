/**
 * The benchmarks of the operator, each on its own control plane. JobSet's published figures on a similar machine are shown for comparison.
 */
import type { OperatorOutcome } from '../harness/outcome.ts';
import { operatorLoad } from './load.ts';
import { operatorRest } from './rest.ts';

export type OperatorBenchOptions = {
  /** Replaces the number in the benchmark's name. */
  readonly experiments?: number;
  /**
   * Writes CPU profiles of the operator into this folder. The benchmark at rest ignores it, because the profiler would be most of the work.
   */
  readonly profile?: string;
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

export const OPERATOR_BENCHMARKS: readonly OperatorBenchmark[] = [
  load(200),
  load(1000),
  { name: 'operator-rest', run: ({ experiments = 10_000, onProgress }) => operatorRest({ experiments, onProgress }) },
];
