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
};

/** Compares ratio by ratio, and everything with what is promised of it. A ratio that is no number has fallen. */
export function compareWith(
  committed: readonly Outcome[],
  outcomes: readonly Outcome[],
  alone: readonly MeasuresOutcome[] = [],
): Comparison {
  const before = new Map(committed.map(({ name, ratio }) => [name, ratio]));
  const unknown = outcomes.flatMap(({ name }) => (before.has(name) ? [] : [name]));
  const [fallen, risen]: [string[], string[]] = [[], []];
  for (const { name, ratio } of outcomes) {
    const then = before.get(name);
    if (then === undefined) continue;
    const line = `${name}: ${ratio.toFixed(2)}×, was ${then.toFixed(2)}×`;
    if (!(ratio >= then * (1 - TOLERANCE))) fallen.push(line);
    else if (ratio > then * (1 + TOLERANCE)) risen.push(line);
  }
  const missed = [...missedPromises(committed, outcomes), ...alone.flatMap(missedMeasures)];
  return { compared: outcomes.length - unknown.length, fallen, risen, missed, unknown };
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
export function comparisonText({ compared, fallen, risen, missed, unknown }: Comparison): string {
  return [
    ...(compared > 0 && fallen.length === 0 ? [`none of ${compared} ratios has fallen`] : fallen.map((line) => `fallen: ${line}`)),
    ...risen.map((line) => `risen: ${line}`),
    ...(missed.length === 0 ? ['every promise is kept'] : missed.map((line) => `missed: ${line}`)),
    ...(unknown.length === 0 ? [] : [`nothing is committed of ${unknown.join(', ')}`]),
  ].join('\n');
}
