/** What a benchmark of the operator found. There is no ratio: no peer is run beside it, so promises are absolute and the machine is named. */
import { loadavg } from 'node:os';

export type Measure = {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** The published figure of another operator on such a machine. */
  readonly peer?: number;
};

export type OperatorOutcome = {
  readonly name: string;
  readonly what: string;
  readonly measures: readonly Measure[];
  /** Of the machine over the last minute, when the benchmark had ended: figures of a busy machine are worth little. */
  readonly load: number;
};

/** The outcome of a benchmark that ends now. */
export function operatorOutcome(name: string, what: string, measures: readonly Measure[]): OperatorOutcome {
  return { name, what, measures, load: loadavg()[0] ?? Number.NaN };
}

/** Whether the value is what is promised; true where nothing is. */
export function isKept({ value, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }: Measure): boolean {
  return value >= atLeast && value <= atMost;
}

/** A value with as many digits as it deserves. */
export function numberText(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(Number.isInteger(value) || size >= 100 ? 0 : size < 1 ? 3 : 1);
}

function measureLine(measure: Measure): string {
  const { what, value, unit, atLeast, atMost, peer } = measure;
  const bound = atLeast === undefined ? (atMost === undefined ? undefined : `≤ ${atMost}`) : `≥ ${atLeast}`;
  const promise = bound === undefined ? '' : ` (promised ${bound}: ${isKept(measure) ? 'kept' : 'MISSED'})`;
  return `  ${what.padEnd(52)} ${numberText(value).padStart(8)} ${unit}${promise}${peer === undefined ? '' : `; JobSet, published: ${numberText(peer)}`}`;
}

/** The outcome as lines. */
export function operatorOutcomeText({ name, what, measures, load }: OperatorOutcome): string {
  return [`${name}: ${what}`, ...measures.map(measureLine), `  load of the machine over the last minute: ${load.toFixed(1)}`].join('\n');
}
