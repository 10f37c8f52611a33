import type { Urgency } from './urgency.ts';

/** How many looks' time news that change nothing may wait: with a slow API server they wait longer, and more of them share one write. */
const LOOKS = 100;
/** The longest such wait, in spacings: 15 s where these are half a second. */
const LONGEST_SPACINGS = 30;
/** How much longer news wait for each experiment that goes on, in spacings, so that all together write ten of them a second at most. */
const SPACINGS_AN_EXPERIMENT = 0.2;
/** The longest wait for the sake of others: a minute where spacings are half a second. */
const LONGEST_AMONG_MANY = 120;
/** The weight of the newest look in the mean. */
const WEIGHT = 0.05;

export type Patience = {
  /** A look at an experiment has taken so long. */
  note(look: { readonly seconds: number }): void;
  /** How long news of that urgency may wait for more, in milliseconds. */
  waitMs(urgency: Urgency): number;
};

/**
 * Patience that begins with half of `spacingMs` for what is to be seen soon and four times as much for the rest. `unfinished`: experiments that
 * have not come to their end.
 */
export function createPatience(spacingMs: number, unfinished: () => number): Patience {
  let meanMs = 0;
  return {
    note({ seconds }) {
      meanMs += (seconds * 1000 - meanMs) * WEIGHT;
    },
    waitMs(urgency) {
      if (urgency === 'now') return 0;
      if (urgency === 'soon') return spacingMs / 2;
      const whileSlow = Math.min(meanMs * LOOKS, LONGEST_SPACINGS * spacingMs);
      const amongMany = Math.min(unfinished() * SPACINGS_AN_EXPERIMENT, LONGEST_AMONG_MANY) * spacingMs;
      return Math.max(4 * spacingMs, whileSlow, amongMany);
    },
  };
}
