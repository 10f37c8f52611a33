/** Schedules whose rate follows from the number of epochs done alone. */

/** Options of all schedules; each reads its own. Epochs are counted from the end of the warm-up. */
export type ScheduleOptions = {
  /** Epochs of linear climb before the schedule: epoch e of w has e / (w + 1) of the rate. */
  readonly warmupEpochs?: number | undefined;
  readonly factor?: number | undefined;
  readonly patience?: number | undefined;
  readonly threshold?: number | undefined;
  readonly cooldown?: number | undefined;
  readonly minLearningRate?: number | undefined;
  /** Numbers of epochs after each of which the rate is multiplied by gamma. */
  readonly milestones?: readonly number[] | undefined;
  /** What the rate, or the peak of a cycle, is multiplied by. */
  readonly gamma?: number | undefined;
  /** Epochs from the full rate to the lowest. */
  readonly tMax?: number | undefined;
  /** The polynomial's exponent. */
  readonly power?: number | undefined;
  /** Epochs of the first cycle. */
  readonly cycleEpochs?: number | undefined;
  /** How much longer each cycle is than the one before. */
  readonly cycleMultiplier?: number | undefined;
  /** Epochs of linear climb at the start of each cycle. */
  readonly cycleWarmupEpochs?: number | undefined;
};

/** The rate after so many epochs of the schedule, from `full`; `epochs` is how many there will be. */
type Rate = (done: number, options: ScheduleOptions, full: number, epochs: number) => number;

/** Half a cosine from `high` at 0 to `low` at 1 (and up again beyond). */
const cosine = (at: number, high: number, low: number): number => low + ((high - low) * (1 + Math.cos(Math.PI * at))) / 2;

/** The cycle that an epoch falls into: its number, its length, and the epochs of it that are done. Of each, `fixed` epochs do not grow. */
function cycleAt(done: number, first: number, multiplier: number, fixed: number): { number: number; length: number; at: number } {
  let [number, length, at] = [0, first, done];
  while (at >= length) {
    at -= length;
    length = (length - fixed) * multiplier + fixed;
    number += 1;
  }
  return { number, length, at };
}

/** Those of PyTorch, rate for rate, where its `step` is called once after each epoch; what is left out is PyTorch's default. */
export const RATES = {
  MultiStepLR: (done, { gamma = 0.1, milestones = [] }, full) => full * gamma ** milestones.filter((milestone) => milestone <= done).length,

  CosineAnnealingLR: (done, { minLearningRate = 0, tMax }, full, epochs) => cosine(done / (tMax ?? epochs), full, minLearningRate),

  /** Loshchilov & Hutter 2017: a cosine that begins again at the full rate, each time over more epochs. */
  CosineAnnealingWarmRestarts: (done, { minLearningRate = 0, cycleEpochs, cycleMultiplier = 1 }, full, epochs) => {
    const { at, length } = cycleAt(done, cycleEpochs ?? epochs, cycleMultiplier, 0);
    return cosine(at / length, full, minLearningRate);
  },

  /**
   * The same with a linear climb from the least rate at the start of each cycle, whose length does not grow, and a peak that is multiplied by
   * gamma from cycle to cycle. The first epoch has the least rate where there is a climb.
   */
  CustomCosineAnnealingWarmUpRestarts: (done, options, full, epochs) => {
    const { minLearningRate: least = 0, cycleEpochs, cycleMultiplier = 1, cycleWarmupEpochs: climb = 0, gamma = 1 } = options;
    const { number, at, length } = cycleAt(done, cycleEpochs ?? epochs, cycleMultiplier, climb);
    const peak = full * gamma ** number;
    return at < climb ? least + ((peak - least) * at) / climb : cosine((at - climb) / (length - climb), peak, least);
  },

  PolynomialLR: (done, { tMax, power = 1 }, full, epochs) => full * Math.max(0, 1 - done / (tMax ?? epochs)) ** power,
} as const satisfies Record<string, Rate>;
