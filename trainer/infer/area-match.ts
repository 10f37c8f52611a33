import { emptyMask } from '@carpal/masks/rle-mask.ts';
import { BinReader } from './bin-reader.ts';
import { classParts } from './class-parts.ts';
import type { ImageLogits } from './image-logits.ts';
import { ProbabilityBins } from './probability-bins.ts';

/** The thresholds that a vote may get: 0.01, 0.02, …, 0.99. */
const VOTE_THRESHOLDS = Array.from({ length: 99 }, (_, step) => (step + 1) / 100);

/** The areas of the masks of one image above each cut, [class][cut]. */
export type Areas = readonly (readonly number[])[];

/**
 * Finds the thresholds at which the masks of a vote are as large as those of its single networks at the thresholds that were fitted to them.
 * Areas are summed over images; the area of a single network is the median over the networks, so that one that finds nothing does not
 * count. Needs no annotations.
 */
export class AreaMatch {
  readonly #fitted: readonly number[];
  readonly #bins: ProbabilityBins;
  readonly #single: number[];
  readonly #vote: number[][];

  /** One fitted threshold per class. */
  constructor(fitted: readonly number[]) {
    this.#fitted = fitted;
    this.#bins = new ProbabilityBins([...VOTE_THRESHOLDS, ...fitted]);
    this.#single = fitted.map(() => 0);
    this.#vote = fitted.map(() => this.#bins.cuts.map(() => 0));
  }

  /** The areas in one image of this size. */
  areasOf({ logits, size }: ImageLogits, { width, height }: { readonly width: number; readonly height: number }): Areas {
    const nothing = emptyMask(width, height);
    const areas: number[][] = [];
    for (const parts of classParts(logits, size, this.#fitted.length, this.#bins.lowestLogit)) {
      const reader = new BinReader(parts, width, height, this.#bins);
      for (let own = 0; own < parts.classes; own++) areas.push(sumsAbove(reader.next().histogram(nothing, this.#bins.count).pixels));
    }
    return areas;
  }

  /** Adds an image: the areas of each network, and those of their vote. */
  add(networks: readonly Areas[], vote: Areas): void {
    for (const [index, fitted] of this.#fitted.entries()) {
      const cut = this.#bins.indexOf(fitted);
      this.#single[index] = (this.#single[index] as number) + median(networks.map((areas) => areas[index]?.[cut] ?? 0));
      const sums = this.#vote[index] as number[];
      for (const [at, area] of (vote[index] ?? []).entries()) sums[at] = (sums[at] as number) + area;
    }
  }

  /** The threshold of the vote for a class: the fitted one if the networks find no pixel, or if no other is closer to their area. */
  thresholdOf(classIndex: number): number {
    const fitted = this.#fitted[classIndex] as number;
    const wanted = this.#single[classIndex] as number;
    const sums = this.#vote[classIndex] as number[];
    if (wanted === 0) return fitted;
    const distance = (threshold: number): number => Math.abs((sums[this.#bins.indexOf(threshold)] as number) - wanted);
    const nearestFirst = [fitted, ...VOTE_THRESHOLDS].sort((a, b) => Math.abs(a - fitted) - Math.abs(b - fitted));
    return nearestFirst.reduce((best, threshold) => (distance(threshold) < distance(best) ? threshold : best));
  }
}

/** The pixels above each cut, from the pixels of each bin. */
function sumsAbove(pixels: Uint32Array): number[] {
  const above = Array.from(pixels.subarray(1));
  for (let cut = above.length - 2; cut >= 0; cut--) above[cut] = (above[cut] as number) + (above[cut + 1] as number);
  return above;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}
