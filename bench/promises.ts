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

/** How many times the peer's memory carpal's is; undefined where one of them was not looked at. */
export function memoryRatio({ ours, peer }: Compared): number | undefined {
  return ours.peakMb === undefined || peer.peakMb === undefined ? undefined : ours.peakMb / peer.peakMb;
}

/** Everything that is promised of the outcome. A ratio that is no number keeps no promise. */
export function promisesOf(outcome: Compared & Promises & { readonly ratio: number }): readonly HeldPromise[] {
  const { ours, ratio, goal, withinMs, memoryGoal } = outcome;
  const memory = memoryRatio(outcome);
  return [
    { text: `≥ ${goal}×`, isKept: ratio >= goal },
    ...(withinMs === undefined ? [] : [{ text: `≤ ${withinMs} ms`, isKept: millisecondsPerItem(ours).median <= withinMs }]),
    ...(memoryGoal === undefined ? [] : [{ text: `memory ≤ ${memoryGoal}×`, isKept: memory === undefined || memory <= memoryGoal }]),
  ];
}

/** Promises in words, each that is missed marked as such. */
export function promisesText(promises: readonly HeldPromise[]): string {
  return promises.map(({ text, isKept }) => `${text}${isKept ? '' : ' (missed)'}`).join(', ');
}
