import { CALIBRATION_LEVELS } from '@carpal/artifacts/figures.ts';
import { CLEANINGS, cleanedEveryWay } from '@carpal/masks/cleaning.ts';
import { area, dice } from '@carpal/masks/measure.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import type { Histogram, PixelBins } from './pixel-bins.ts';
import { ProbabilityBins } from './probability-bins.ts';

/** The candidate thresholds of every class, in addition to the manifest's: 0.05, 0.06, …, 0.95. */
const CANDIDATES = Array.from({ length: 91 }, (_, step) => (step + 5) / 100);
/** The candidates at which cleanings are tried as well: 0.10, 0.15, …, 0.90. */
const CLEANED_CANDIDATES = Array.from({ length: 17 }, (_, step) => (step * 5 + 10) / 100);

/** Between these probabilities a pixel has one of the levels of calibration.json: half-way between two levels. */
const LEVEL_CUTS = Array.from({ length: CALIBRATION_LEVELS - 1 }, (_, level) => (level + 0.5) / (CALIBRATION_LEVELS - 1));

/** A mask of more runs is noise. Cleaning it would take seconds and could not make it a bone. */
const MOST_RUNS = 50_000;

/** The thresholds that are tried, and the probability bins from which masks at them follow. */
export class TriedThresholds {
  /** Ascending. They include the manifest's, which is used if thresholds are not chosen per class. */
  readonly thresholds: readonly number[];
  /** The thresholds at which cleanings are tried, ascending; some of `thresholds`. They include the manifest's. */
  readonly cleanedThresholds: readonly number[];
  readonly bins: ProbabilityBins;
  /** Index of the manifest's threshold in the cuts of `bins`. */
  readonly manifestCut: number;
  readonly #cuts: readonly number[];
  readonly #cleanedPlaces: readonly number[];
  /** The level of calibration.json of each bin. */
  readonly #levels: readonly number[];

  constructor(manifestThreshold: number) {
    const ascending = (values: readonly number[]): number[] => [...new Set([...values, manifestThreshold])].sort((a, b) => a - b);
    this.thresholds = ascending(CANDIDATES);
    this.cleanedThresholds = ascending(CLEANED_CANDIDATES);
    this.bins = new ProbabilityBins([...this.thresholds, ...LEVEL_CUTS]);
    this.manifestCut = this.bins.indexOf(manifestThreshold);
    this.#cuts = this.thresholds.map((threshold) => this.bins.indexOf(threshold));
    this.#cleanedPlaces = this.cleanedThresholds.map((threshold) => this.thresholds.indexOf(threshold));
    const levels = new Set(LEVEL_CUTS);
    let level = 0;
    this.#levels = [0, ...this.bins.cuts.map((cut) => (levels.has(cut) ? ++level : level))];
  }

  /** Scores the masks of one class of an image at every threshold, cleaned in every way, and counts its pixels per level. */
  score(found: PixelBins, truth: RleMask): ClassScore {
    const histogram = found.histogram(truth, this.bins.count);
    const trueArea = area(truth);
    const diceAt = diceAboveCuts(histogram, trueArea);
    const scores = Float64Array.from(this.#cuts, (cut) => diceAt[cut] as number);
    const cleaned = CLEANINGS.slice(1).map(() => new Float64Array(this.cleanedThresholds.length));
    for (const [place, at] of this.#cleanedPlaces.entries()) {
      const plain = scores[at] as number;
      const ways = cleanedScores(found.maskAbove(this.#cuts[at] as number), truth, plain);
      for (const [way, score] of ways.entries()) (cleaned[way] as Float64Array)[place] = score;
    }
    return { dice: scores, cleaned, ...this.#perLevel(histogram), mask: found.maskAbove(this.manifestCut).bounds };
  }

  #perLevel({ pixels, truePixels }: Histogram): Pick<ClassScore, 'pixels' | 'truePixels'> {
    const sum = (counts: Uint32Array): Uint32Array<ArrayBuffer> => {
      const levels = new Uint32Array(CALIBRATION_LEVELS);
      for (const [bin, level] of this.#levels.entries()) levels[level] = (levels[level] as number) + (counts[bin] as number);
      return levels;
    };
    return { pixels: sum(pixels), truePixels: sum(truePixels) };
  }
}

/** What one class of one image adds to the figures of a fold. */
export type ClassScore = {
  /** Without cleaning, per threshold. */
  readonly dice: Float64Array;
  /** For each cleaning but `none`, per threshold at which cleanings are tried. */
  readonly cleaned: readonly Float64Array[];
  /** Pixels of the image per level of calibration.json, and how many of them belong to the bone. */
  readonly pixels: Uint32Array;
  readonly truePixels: Uint32Array;
  /** The bounds of the mask at the manifest's threshold, without cleaning. */
  readonly mask: Uint32Array;
};

/** The Dice of the mask above each cut: 2·TP / (P + G), with both sums taken over the bins above the cut. 1 if both masks are empty. */
function diceAboveCuts({ pixels, truePixels }: Histogram, trueArea: number): Float64Array {
  const scores = new Float64Array(pixels.length - 1);
  let found = 0;
  let both = 0;
  for (let cut = scores.length - 1; cut >= 0; cut--) {
    found += pixels[cut + 1] as number;
    both += truePixels[cut + 1] as number;
    scores[cut] = found + trueArea === 0 ? 1 : (2 * both) / (found + trueArea);
  }
  return scores;
}

/** The Dice of the mask with each cleaning but `none`. A mask that a cleaning does not change keeps its Dice. */
function cleanedScores(mask: RleMask, truth: RleMask, plain: number): number[] {
  if (mask.bounds.length === 0 || mask.bounds.length > 2 * MOST_RUNS) return CLEANINGS.slice(1).map(() => plain);
  const [none, ...ways] = cleanedEveryWay(mask);
  const scores: number[] = [];
  for (const [way, result] of ways.entries()) {
    const same = ways.indexOf(result);
    scores.push(result === none ? plain : same < way ? (scores[same] as number) : dice(result, truth));
  }
  return scores;
}
