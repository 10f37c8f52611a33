import type { Urgency } from './urgency.ts';

/** How many looks' time news that change nothing may wait: with a slow API server they wait longer, and more of them share one write. */
const LOOKS = 100;
/** The longest such wait, in spacings: 15 s where these are half a second. */
const LONGEST_SPACINGS = 30;
/** The weight of the newest look in the mean. */
const WEIGHT = 0.05;

export type Patience = {
  /** A look at an experiment has taken so long. */
  note(look: { readonly seconds: number }): void;
  /** How long news of that urgency may wait for more, in milliseconds. */
  waitMs(urgency: Urgency): number;
};

/** Patience that begins with half of `spacingMs` for what is to be seen soon and four times as much for the rest. */
export function createPatience(spacingMs: number): Patience {
  let meanMs = 0;
  return {
    note({ seconds }) {
      meanMs += (seconds * 1000 - meanMs) * WEIGHT;
    },
    waitMs(urgency) {
      if (urgency === 'now') return 0;
      if (urgency === 'soon') return spacingMs / 2;
      return Math.max(4 * spacingMs, Math.min(meanMs * LOOKS, LONGEST_SPACINGS * spacingMs));
    },
  };
}
