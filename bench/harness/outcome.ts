/** What cases found, and how it is printed. */
import { loadavg } from 'node:os';
import { type Compared, type Figure, millisecondsPerItem } from './figure.ts';
import { boundText, type Goals, goalsOf, goalsText, isMet, type Measure, numberText } from './goals.ts';

/** How busy other programs kept the machine. */
type OtherWork = {
  /** Cores that other programs kept busy before or after the case, whichever was more. */
  readonly busyCores?: number;
};

/** The outcome of a comparison. The ratio is to the baseline's fastest way. */
export type Outcome = Compared &
  Goals &
  OtherWork & {
    readonly name: string;
    readonly what: string;
    readonly item: string;
    /** The baseline, in a few words. */
    readonly against: string;
    readonly ratio: number;
    /** The version of the baseline's method; absent for figures from before methods had versions. */
    readonly method?: number;
  };

/** The outcome of a case without a ratio. */
export type MeasuresOutcome = { readonly name: string; readonly what: string; readonly measures: readonly Measure[] };
export type StandaloneOutcome = MeasuresOutcome & OtherWork;

/** The outcome of a benchmark of the operator. */
export type OperatorOutcome = MeasuresOutcome & {
  /** The machine's load average over the last minute when the benchmark ended. */
  readonly load: number;
};

/** Where and at which revision a figure was measured. Both sides of a ratio are measured in one run. */
export type Measured = { readonly revision: string; readonly machine: string };

/** The committed figures. A figure does not change until it is measured again. */
export type Committed = {
  readonly ratios: readonly (Outcome & Measured)[];
  readonly standalone: readonly (StandaloneOutcome & Measured)[];
  readonly operator: readonly (OperatorOutcome & Measured)[];
};

/** Above this number of busy cores, figures are not those of a quiet machine. */
const QUIET_CORES = 0.25;

/** How many cores other programs kept busy; empty for a quiet machine or an unknown number. */
export function busyText(cores: number | undefined): string {
  return cores === undefined || cores <= QUIET_CORES ? '' : `${cores.toFixed(1)} cores busy`;
}

const busyLines = (cores: number | undefined): readonly string[] =>
  busyText(cores) === '' ? [] : [`the machine was not quiet: other programs kept ${busyText(cores)}`];

/** The median with its quartiles. */
export function milliseconds(figure: Figure): string {
  const { median, low, high } = millisecondsPerItem(figure);
  const digits = median < 1 ? 3 : median < 100 ? 2 : 0;
  return `${median.toFixed(digits)} ms (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}

function memory({ ours, baseline }: Outcome): string {
  if (ours.peakMb === undefined || baseline.peakMb === undefined) return '';
  return `; peak memory ${ours.peakMb.toFixed(0)} and ${baseline.peakMb.toFixed(0)} MB`;
}

/** A few lines: both medians with their quartiles, every way of the baseline, the ratio, and the missed goals. */
export function outcomeText(outcome: Outcome): string {
  const { name, what, item, against, ours, baseline, ways = [], failedWays = [], ratio, busyCores } = outcome;
  const lines = [
    `carpal ${milliseconds(ours)} per ${item}; ${against} ${milliseconds(baseline)}${memory(outcome)}`,
    ...ways.map((way) => `  ${way.name} ${milliseconds(way.figure)}`),
    ...failedWays.map((way) => `  ${way} failed`),
    ...busyLines(busyCores),
    `ratio ${ratio.toFixed(2)}×, goal ${goalsText(goalsOf(outcome))}`,
  ];
  return [`${name.padEnd(12)} ${what}`, ...lines.map((line) => `${' '.repeat(13)}${line}`)].join('\n');
}

function measureLine(measure: Measure): string {
  const { what, value, unit, published } = measure;
  const bound = boundText(measure);
  const goal = bound === '' ? '' : ` (goal ${bound}: ${isMet(measure) ? 'met' : 'MISSED'})`;
  const other = published === undefined ? '' : `; JobSet, published: ${numberText(published)}`;
  return `  ${what.padEnd(52)} ${numberText(value).padStart(8)} ${unit}${goal}${other}`;
}

export function measuresText({ name, what, measures }: MeasuresOutcome): string {
  return [`${name}: ${what}`, ...measures.map(measureLine)].join('\n');
}

export function standaloneText(outcome: StandaloneOutcome): string {
  return [measuresText(outcome), ...busyLines(outcome.busyCores).map((line) => `  ${line}`)].join('\n');
}

/** The outcome of a benchmark that ends now. */
export function operatorOutcome(name: string, what: string, measures: readonly Measure[]): OperatorOutcome {
  return { name, what, measures, load: loadavg()[0] ?? Number.NaN };
}

export function operatorText(outcome: OperatorOutcome): string {
  return `${measuresText(outcome)}\n  load average over the last minute: ${outcome.load.toFixed(1)}`;
}

/** A mark for each machine in a table of several machines; empty if all rows come from one machine. */
export function machineMarks(rows: readonly { readonly machine: string }[]): ReadonlyMap<string, string> {
  const machines = [...new Set(rows.map(({ machine }) => machine))];
  return new Map(machines.map((machine, index) => [machine, machines.length === 1 ? '' : ` (${String.fromCharCode(65 + index)})`]));
}

/** The figures as committed JSON. Measured numbers are rounded to six digits; whole numbers are kept. */
export function figuresText(figures: unknown): string {
  const rounded = (_key: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
  return `${JSON.stringify(figures, rounded, 1)}\n`;
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
