/** What a benchmark case is. */
import type { Baselines } from '../baseline/python.ts';
import type { Compared } from './figure.ts';
import type { Goals, Measure } from './goals.ts';

/** What every case gets: a scratch folder that is kept between runs, phantoms, and the class names. */
export type CaseInput = {
  readonly scratch: string;
  /** A folder of phantom hands at 2048 × 2048 px. */
  readonly phantoms: string;
  readonly classes: readonly string[];
};

/** What a compared case gets in addition. */
export type ComparedInput = CaseInput & {
  readonly baselines: Baselines;
  /** Leaves out torch.compile, which takes up to a minute per network. */
  readonly quick: boolean;
};

type CaseFacts = {
  readonly name: string;
  /** What is measured. */
  readonly what: string;
};

/** A comparison with a baseline, which is measured in the same run on the same machine, and its goals. */
export type ComparedCase = CaseFacts &
  Goals & {
    /** What one item is: an image, a mask, a row. */
    readonly item: string;
    /** The baseline, in a few words. */
    readonly against: string;
    /** The version of the baseline's method. A new version makes committed ratios incomparable. */
    readonly method?: number;
    readonly run: (input: ComparedInput) => Promise<Compared>;
  };

/** A case without a baseline: its goals are absolute. */
export type StandaloneCase = CaseFacts & { readonly run: (input: CaseInput) => Promise<readonly Measure[]> };
