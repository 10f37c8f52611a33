/** What a benchmark of the operator found. There is no ratio: no peer is run beside it, so promises are absolute and the machine is named. */
import { loadavg } from 'node:os';
import { type Measure, type MeasuresOutcome, measuresText } from '../harness/measures.ts';

export type OperatorOutcome = MeasuresOutcome & {
  /** Of the machine over the last minute, when the benchmark had ended: figures of a busy machine are worth little. */
  readonly load: number;
};

/** The outcome of a benchmark that ends now. */
export function operatorOutcome(name: string, what: string, measures: readonly Measure[]): OperatorOutcome {
  return { name, what, measures, load: loadavg()[0] ?? Number.NaN };
}

/** The outcome as lines. */
export function operatorOutcomeText(outcome: OperatorOutcome): string {
  return `${measuresText(outcome)}\n  load of the machine over the last minute: ${outcome.load.toFixed(1)}`;
}
