/** What committed figures and promises say of today's figures. */
import { boundText, isKept, type MeasuresOutcome, numberText } from './measures.ts';
import type { Outcome } from './outcome.ts';
import { promisesOf } from './promises.ts';
import { stepMedians } from './step-medians.ts';

/** How far a ratio may be from the committed one: two runs on one machine differ by so much. */
const TOLERANCE = 0.15;

export type Comparison = {
  /** How many of the new ratios have a committed one. */
  readonly compared: number;
  /** A line for each that has fallen by more than the tolerance. */
  readonly fallen: readonly string[];
  /** A line for each that has risen by more. */
  readonly risen: readonly string[];
  /** A line for each promise that today's figures do not keep. */
  readonly missed: readonly string[];
  /** The names of those that nothing is committed of. */
  readonly unknown: readonly string[];
  /** The names of those that were committed on another machine, whose ratios may differ for that alone. */
  readonly elsewhere: readonly string[];
};

/** Figures of today, and the machine that they are of. */
export type Today = { readonly machine: string; readonly outcomes: readonly Outcome[]; readonly alone?: readonly MeasuresOutcome[] };
type CommittedRow = Outcome & { readonly machine: string };

/** Compares ratio by ratio, and everything with what is promised of it. A ratio that is no number has fallen. */
export function compareWith(committed: readonly CommittedRow[], { machine, outcomes, alone = [] }: Today): Comparison {
  const before = new Map(committed.map((row) => [row.name, row]));
  const unknown = outcomes.flatMap(({ name }) => (before.has(name) ? [] : [name]));
  const [fallen, risen]: [string[], string[]] = [[], []];
  for (const { name, ratio } of outcomes) {
    const then = before.get(name)?.ratio;
    if (then === undefined) continue;
    const line = `${name}: ${ratio.toFixed(2)}×, was ${then.toFixed(2)}×`;
    if (!(ratio >= then * (1 - TOLERANCE))) fallen.push(line);
    else if (ratio > then * (1 + TOLERANCE)) risen.push(line);
  }
  const missed = [...missedPromises(committed, outcomes), ...alone.flatMap(missedMeasures)];
  const elsewhere = outcomes.map(({ name }) => name).filter((name) => (before.get(name)?.machine ?? machine) !== machine);
  return { compared: outcomes.length - unknown.length, fallen, risen, missed, unknown, elsewhere };
}

/** Every promise that is not kept: of an outcome, and of the median over the networks where all that are committed were measured again. */
function missedPromises(committed: readonly Outcome[], outcomes: readonly Outcome[]): string[] {
  const networks = new Map(stepMedians(committed).map((of) => [of.kind, of.networks]));
  return [
    ...outcomes.flatMap((outcome) =>
      promisesOf(outcome).flatMap(({ text, isKept }) => (isKept ? [] : [`${outcome.name}: promised ${text}`])),
    ),
    ...stepMedians(outcomes).flatMap(({ kind, median, goal, isKept, networks: measured }) =>
      isKept || measured < (networks.get(kind) ?? 0) ? [] : [`the median, ${kind}: ${median.toFixed(2)}×, promised ≥ ${goal}×`],
    ),
  ];
}

/** Every promise of what has no peer that is not kept. */
function missedMeasures({ name, measures }: MeasuresOutcome): string[] {
  return measures.flatMap((measure) => {
    const { what, value, unit } = measure;
    return isKept(measure) ? [] : [`${name}, ${what.trim()}: ${numberText(value)} ${unit}, promised ${boundText(measure)}`];
  });
}

/** The comparison as lines. */
export function comparisonText({ compared, fallen, risen, missed, unknown, elsewhere }: Comparison): string {
  return [
    ...(compared > 0 && fallen.length === 0 ? [`none of ${compared} ratios has fallen`] : fallen.map((line) => `fallen: ${line}`)),
    ...risen.map((line) => `risen: ${line}`),
    ...(missed.length === 0 ? ['every promise is kept'] : missed.map((line) => `missed: ${line}`)),
    ...(elsewhere.length === 0 ? [] : [`committed on another machine: ${elsewhere.join(', ')}`]),
    ...(unknown.length === 0 ? [] : [`nothing is committed of ${unknown.join(', ')}`]),
  ].join('\n');
}
