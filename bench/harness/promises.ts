import { type Compared, millisecondsPerItem } from './figure.ts';

/** What is promised of a comparison. */
export type Promises = {
  /** The least ratio to the peer. */
  readonly goal: number;
  /** The most milliseconds an item may take. */
  readonly withinMs?: number;
  /** How many times the peer's memory carpal's may be, both at their highest. */
  readonly memoryGoal?: number;
};

/** A promise in words, and whether it is kept. */
export type HeldPromise = { readonly text: string; readonly isKept: boolean };

/** Whether carpal's memory is at most `goal` times the peer's. What was not looked at keeps no promise. */
export function keepsMemory({ ours, peer }: Compared, goal: number): boolean {
  return (ours.peakMb ?? Number.NaN) <= goal * (peer.peakMb ?? Number.NaN);
}

/** Everything that is promised of the outcome. A ratio that is no number keeps no promise. */
export function promisesOf(outcome: Compared & Promises & { readonly ratio: number }): readonly HeldPromise[] {
  const { ours, ratio, goal, withinMs, memoryGoal } = outcome;
  return [
    { text: `≥ ${goal}×`, isKept: ratio >= goal },
    ...(withinMs === undefined ? [] : [{ text: `≤ ${withinMs} ms`, isKept: millisecondsPerItem(ours).median <= withinMs }]),
    ...(memoryGoal === undefined ? [] : [{ text: `memory ≤ ${memoryGoal}×`, isKept: keepsMemory(outcome, memoryGoal) }]),
  ];
}

/** Promises in words, each that is missed marked as such. */
export function promisesText(promises: readonly HeldPromise[]): string {
  return promises.map(({ text, isKept }) => `${text}${isKept ? '' : ' (missed)'}`).join(', ');
}
