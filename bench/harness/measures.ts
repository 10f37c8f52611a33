/** What a benchmark without a ratio found: values, and absolute promises of some of them. */

export type Measure = {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** The published figure of another program on such a machine. */
  readonly peer?: number;
};

export type MeasuresOutcome = {
  readonly name: string;
  readonly what: string;
  readonly measures: readonly Measure[];
};

/** Whether the value is what is promised; true where nothing is. */
export function isKept({ value, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }: Measure): boolean {
  return value >= atLeast && value <= atMost;
}

/** What is promised in words; no text where nothing is. */
export function boundText({ atLeast, atMost }: Measure): string {
  if (atLeast !== undefined) return `≥ ${atLeast}`;
  return atMost === undefined ? '' : `≤ ${atMost}`;
}

/** A value with as many digits as it deserves. */
export function numberText(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(Number.isInteger(value) || size >= 100 ? 0 : size < 1 ? 3 : 1);
}

function measureLine(measure: Measure): string {
  const { what, value, unit, peer } = measure;
  const bound = boundText(measure);
  const promise = bound === '' ? '' : ` (promised ${bound}: ${isKept(measure) ? 'kept' : 'MISSED'})`;
  return `  ${what.padEnd(52)} ${numberText(value).padStart(8)} ${unit}${promise}${peer === undefined ? '' : `; JobSet, published: ${numberText(peer)}`}`;
}

/** The outcome as lines. */
export function measuresText({ name, what, measures }: MeasuresOutcome): string {
  return [`${name}: ${what}`, ...measures.map(measureLine)].join('\n');
}
