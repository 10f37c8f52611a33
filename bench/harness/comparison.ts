/** Compares new figures with the committed ones and with the goals. */
import { boundText, goalsOf, isMet, numberText } from './goals.ts';
import type { MeasuresOutcome, Outcome } from './outcome.ts';
import { stepMedians } from './step-matrix.ts';

/** How far a ratio may be from the committed one. Two runs on one machine differ by this much. */
const TOLERANCE = 0.15;

export type Comparison = {
  /** How many new ratios were compared with a committed one. */
  readonly compared: number;
  /** One line per ratio that is lower by more than the tolerance. */
  readonly lower: readonly string[];
  /** One line per ratio that is higher by more than the tolerance. */
  readonly higher: readonly string[];
  /** One line per goal that the new figures miss. */
  readonly missed: readonly string[];
  /** Names without a committed figure. */
  readonly unknown: readonly string[];
  /** Names whose committed figure was measured with another version of the baseline's method. */
  readonly otherMethod: readonly string[];
  /** Names whose committed figure was measured on another machine, which alone can change a ratio. */
  readonly elsewhere: readonly string[];
};

/** New figures and the machine that they were measured on. */
export type NewFigures = {
  readonly machine: string;
  readonly outcomes: readonly Outcome[];
  readonly standalone?: readonly MeasuresOutcome[];
};
type CommittedRow = Outcome & { readonly machine: string };

/** Compares each ratio with the committed one, and all figures with their goals. A ratio that is NaN counts as lower. */
export function compareWith(committed: readonly CommittedRow[], { machine, outcomes, standalone = [] }: NewFigures): Comparison {
  const before = new Map(committed.map((row) => [row.name, row]));
  const unknown = outcomes.flatMap(({ name }) => (before.has(name) ? [] : [name]));
  const otherMethod = outcomes.flatMap(({ name, method }) => (before.has(name) && before.get(name)?.method !== method ? [name] : []));
  const comparable = outcomes.filter(({ name }) => before.has(name) && !otherMethod.includes(name));
  const [lower, higher]: [string[], string[]] = [[], []];
  for (const { name, ratio } of comparable) {
    const then = before.get(name)?.ratio ?? Number.NaN;
    const line = `${name}: ${ratio.toFixed(2)}×, was ${then.toFixed(2)}×`;
    if (!(ratio >= then * (1 - TOLERANCE))) lower.push(line);
    else if (ratio > then * (1 + TOLERANCE)) higher.push(line);
  }
  const missed = [...missedGoals(committed, outcomes), ...standalone.flatMap(missedMeasures)];
  const elsewhere = comparable.map(({ name }) => name).filter((name) => before.get(name)?.machine !== machine);
  return { compared: comparable.length, lower, higher, missed, unknown, otherMethod, elsewhere };
}

/** Every missed goal of an outcome, and of a median over the networks if all committed networks were measured again. */
function missedGoals(committed: readonly Outcome[], outcomes: readonly Outcome[]): string[] {
  const networks = new Map(stepMedians(committed).map((of) => [of.kind, of.networks]));
  return [
    ...outcomes.flatMap((outcome) => goalsOf(outcome).flatMap((goal) => (goal.isMet ? [] : [`${outcome.name}: goal ${goal.text}`]))),
    ...stepMedians(outcomes).flatMap((of) =>
      of.isMet || of.networks < (networks.get(of.kind) ?? 0)
        ? []
        : [`the median, ${of.kind}: ${of.median.toFixed(2)}×, goal ≥ ${of.goal}×`],
    ),
  ];
}

/** Every missed goal of a case without a baseline. */
function missedMeasures({ name, measures }: MeasuresOutcome): string[] {
  return measures.flatMap((measure) => {
    const { what, value, unit } = measure;
    return isMet(measure) ? [] : [`${name}, ${what.trim()}: ${numberText(value)} ${unit}, goal ${boundText(measure)}`];
  });
}

/** The comparison as lines. */
export function comparisonText({ compared, lower, higher, missed, unknown, otherMethod, elsewhere }: Comparison): string {
  const named = (text: string, names: readonly string[]): readonly string[] => (names.length === 0 ? [] : [`${text}: ${names.join(', ')}`]);
  return [
    ...(compared > 0 && lower.length === 0 ? [`0 of ${compared} ratios are lower`] : lower.map((line) => `lower: ${line}`)),
    ...higher.map((line) => `higher: ${line}`),
    ...(missed.length === 0 ? ['every goal is met'] : missed.map((line) => `missed: ${line}`)),
    ...named('committed on another machine', elsewhere),
    ...named('not compared, because the method of the baseline has changed', otherMethod),
    ...named('no committed figure', unknown),
  ].join('\n');
}
