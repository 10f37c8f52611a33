/**
 * How many batches a trial gathers gradients over, where a fold gathers them over `accumulate`: a batch that gathers and one that moves are all
 * there are, and a step takes the same memory whatever their number.
 */
export function trialAccumulate(accumulate: number): number {
  return Math.min(accumulate, 2);
}

export type Timing = {
  /** Steps to be timed after the first; rounded up to whole windows of {@link trialAccumulate} batches. */
  readonly steps: number;
  /** The fold's. */
  readonly accumulate: number;
  /** Milliseconds. */
  readonly now: () => number;
};

export type StepSeconds = {
  /** Of the first batch of each kind. */
  readonly firstSeconds: number;
  /** Of a batch, in the mean over a whole window of the fold; medians of the timed ones of each kind. */
  readonly stepSeconds: number;
};

/** Times `run`, which does the step of a batch by its index, on an engine that gathers gradients over {@link trialAccumulate} batches. */
export function timeSteps(run: (index: number) => void, { steps, accumulate, now }: Timing): StepSeconds {
  const window = trialAccumulate(accumulate);
  const windows = Math.ceil(steps / window);
  const seconds = Array.from({ length: (1 + windows) * window }, (_, index) => {
    const start = now();
    run(index);
    return (now() - start) / 1000;
  });
  const timed = seconds.slice(window);
  const moving = median(timed.filter((_, index) => index % window === window - 1));
  const gathering = median(timed.filter((_, index) => index % window !== window - 1));
  return {
    firstSeconds: seconds.slice(0, window).reduce((sum, value) => sum + value, 0),
    stepSeconds: ((accumulate - 1) * gathering + moving) / accumulate,
  };
}

/** 0 of none. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}
