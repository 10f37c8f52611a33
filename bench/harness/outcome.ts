import type { Compared } from './figure.ts';
import type { Promises } from './promises.ts';

/** What one comparison found, as `--json` prints it: the ratio is to the fastest way of the peer. */
export type Outcome = Compared &
  Promises & {
    readonly name: string;
    readonly what: string;
    readonly item: string;
    readonly ratio: number;
    /** Cores that other work kept busy when the benchmark began or when it ended, whichever was more. */
    readonly busyCores?: number;
  };
