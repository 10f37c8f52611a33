/** Logits beyond this value are as certain as a number near 0 or 1 can be. It bounds the look-up table. */
const FARTHEST = 40;
/** Entries of the look-up table. With a few hundred cuts, an entry rarely covers more than one cut. */
const SLOTS = 4096;

/**
 * Intervals of probabilities between ascending cuts, each between 0 and 1. The bin of a probability is the number of cuts below it. So a
 * pixel is above cut `k` exactly if its bin is greater than `k`, and a mask at any cut follows from the bins alone.
 */
export class ProbabilityBins {
  readonly cuts: readonly number[];
  /** The smallest logit that may be above the first cut. */
  readonly lowestLogit: number;
  readonly #logits: Float64Array;
  readonly #table: Uint16Array;
  readonly #slotsPerLogit: number;

  /** The cuts may be in any order and occur more than once. */
  constructor(cuts: readonly number[]) {
    this.cuts = [...new Set(cuts)].sort((a, b) => a - b);
    this.#logits = Float64Array.from(this.cuts, logitOf);
    this.lowestLogit = this.#logits[0] ?? Number.POSITIVE_INFINITY;
    const highest = this.#logits.at(-1) ?? 0;
    this.#slotsPerLogit = SLOTS / Math.max(Math.min(highest, FARTHEST) - this.lowestLogit, 1e-9);
    const { lowestLogit } = this;
    const perLogit = this.#slotsPerLogit;
    this.#table = Uint16Array.from({ length: SLOTS }, (_, slot) => countBelow(this.#logits, lowestLogit + slot / perLogit));
  }

  /** The number of bins, one more than cuts. */
  get count(): number {
    return this.cuts.length + 1;
  }

  /** The index of a cut. Throws a RangeError for another value. */
  indexOf(cut: number): number {
    const index = this.cuts.indexOf(cut);
    if (index < 0) throw new RangeError(`${cut} is not a cut of these bins`);
    return index;
  }

  /** The bin of the probability that belongs to this logit. A value that is not a number has bin 0. */
  ofLogit(logit: number): number {
    const above = logit - this.lowestLogit;
    if (!(above > 0)) return 0;
    const slot = above * this.#slotsPerLogit;
    return climbed(this.#logits, this.#table[slot < SLOTS ? slot | 0 : SLOTS - 1] as number, logit);
  }
}

/** The logit of a probability, computed as wherever a logit is compared with a threshold. */
export const logitOf = (probability: number): number => Math.log(probability / (1 - probability));

/** The number of cuts below a value: the table knows those below the start of its entry, with rounding in either direction. */
function climbed(cuts: Float64Array, known: number, value: number): number {
  let bin = known;
  while (bin > 0 && (cuts[bin - 1] as number) >= value) bin--;
  while (bin < cuts.length && value > (cuts[bin] as number)) bin++;
  return bin;
}

const countBelow = (cuts: Float64Array, value: number): number => {
  let count = 0;
  while (count < cuts.length && (cuts[count] as number) < value) count++;
  return count;
};
