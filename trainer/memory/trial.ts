/** A trial: some training steps of a spec in a process of their own, and what comes of it. */
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import type { Fitting } from './too-large.ts';

export type TrialRequest = {
  readonly spec: ExperimentSpec;
  readonly classes: number;
  /** Steps that are timed, after the first; where gradients are gathered an even number of them, so that every other one moves. */
  readonly steps: number;
};

/** What the process of a trial is sent. */
export type TrialMessage = TrialRequest & { readonly limitMb: number };

/** What a process like a fold's needed. */
export type Measured = {
  readonly kind: 'measured';
  /** The most memory that the process held, in MB of 2^20 bytes; of a GPU's own memory nothing is known. */
  readonly peakMemoryMb: number;
  /** From nothing to the end of the first step that moves: the network is built, the step recorded and compiled. */
  readonly firstStepSeconds: number;
  /** Median of the timed steps, one a batch; where gradients are gathered, the mean over the batches of a move. */
  readonly stepSeconds: number;
  /** The network's part of validating an image; its masks are compared beside it. */
  readonly validationSecondsPerImage: number;
  readonly device: 'cpu' | 'gpu';
};

/** It did not fit. `why`, in words, says who found that. */
export type TooLarge = {
  readonly kind: 'too-large';
  readonly why: string;
  readonly peakMemoryMb?: number;
  /** What was foretold before it was tried. */
  readonly foretold?: Foretold;
};

/** It may have fitted, but nobody waits that long. */
export type TooSlow = { readonly kind: 'too-slow'; readonly seconds: number };

/** It broke for another reason. */
export type TrialFailed = { readonly kind: 'failed'; readonly message: string };

export type TrialOutcome = Measured | TooLarge | TooSlow | TrialFailed;

/** What the recorded step tells of memory before it is run, and what would fit where that may not. */
export type Foretold = { readonly kind: 'foretold'; readonly memoryMb: number; readonly fitting?: Fitting };

/** What the process of a trial sends in the end. */
export type TrialAnswer = Measured | { readonly kind: 'error'; readonly message: string };
