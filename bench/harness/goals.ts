/** The goals of a case, and whether figures meet them. */
import { type Compared, millisecondsPerItem } from './figure.ts';

/** The goals of a comparison. */
export type Goals = {
  /** The minimum speed ratio to the baseline. */
  readonly goal: number;
  /** The maximum time of an item in milliseconds. */
  readonly withinMs?: number;
  /** The maximum peak memory, as a multiple of the baseline's. */
  readonly memoryGoal?: number;
};

export type CheckedGoal = { readonly text: string; readonly isMet: boolean };

/** Whether carpal's peak memory is at most `goal` times the baseline's. False if either was not measured. */
export function meetsMemoryGoal({ ours, baseline }: Compared, goal: number): boolean {
  return (ours.peakMb ?? Number.NaN) <= goal * (baseline.peakMb ?? Number.NaN);
}

/** Every goal of the outcome. A ratio that is NaN meets no goal. */
export function goalsOf(outcome: Compared & Goals & { readonly ratio: number }): readonly CheckedGoal[] {
  const { ours, ratio, goal, withinMs, memoryGoal } = outcome;
  return [
    { text: `≥ ${goal}×`, isMet: ratio >= goal },
    ...(withinMs === undefined ? [] : [{ text: `≤ ${withinMs} ms`, isMet: millisecondsPerItem(ours).median <= withinMs }]),
    ...(memoryGoal === undefined ? [] : [{ text: `memory ≤ ${memoryGoal}×`, isMet: meetsMemoryGoal(outcome, memoryGoal) }]),
  ];
}

/** The goals as text. Each missed goal is marked. */
export function goalsText(goals: readonly CheckedGoal[]): string {
  return goals.map(({ text, isMet }) => `${text}${isMet ? '' : ' (missed)'}`).join(', ');
}

/** A value that a case without a ratio measured, and its absolute goal if it has one. */
export type Measure = {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** The published figure of another program on a similar machine. */
  readonly published?: number;
};

/** Whether the value meets its goal. True without a goal. */
export function isMet({ value, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }: Measure): boolean {
  return value >= atLeast && value <= atMost;
}

/** The goal as text; empty without a goal. */
export function boundText({ atLeast, atMost }: Measure): string {
  if (atLeast !== undefined) return `≥ ${atLeast}`;
  return atMost === undefined ? '' : `≤ ${atMost}`;
}

/** The value with a number of digits that fits its precision. */
export function numberText(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(Number.isInteger(value) || size >= 100 ? 0 : size < 1 ? 3 : 1);
}
