import { randomFor } from '@carpal/masks/random.ts';
import { meanOf } from '../scoring/scoring.ts';

/** What is known of one person: how many images, and for each figure its sum over them. */
export type PersonSums = { readonly images: number; readonly sums: Float64Array };

/**
 * Sums by person, in order of their names, so that neither the order of images nor that of folds changes what is drawn from them.
 * `figuresOf` gives an image's figures; all images have as many.
 */
export function sumsByPerson<Image extends { readonly group: string }>(
  images: readonly Image[],
  figuresOf: (image: Image) => readonly number[],
): PersonSums[] {
  const people = new Map<string, { images: number; sums: Float64Array }>();
  for (const image of images) {
    const figures = figuresOf(image);
    const person = people.get(image.group) ?? { images: 0, sums: new Float64Array(figures.length) };
    person.images += 1;
    for (const [index, figure] of figures.entries()) person.sums[index] = (person.sums[index] ?? 0) + figure;
    people.set(image.group, person);
  }
  return [...people].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, person]) => person);
}

/** The mean of each figure over all images; none of no people. */
export function meansOf(people: readonly PersonSums[]): number[] {
  const images = people.reduce((sum, person) => sum + person.images, 0);
  return Array.from(people[0]?.sums ?? [], (_, index) => people.reduce((sum, { sums }) => sum + (sums[index] ?? 0), 0) / images);
}

export type Interval = { readonly low: number; readonly high: number };

const RESAMPLES = 2000;
const LEVEL = 0.95;
/** One seed for all: an interval is the same in a report and in a comparison. */
const SEED = 21;

/**
 * 95 % intervals of the mean of each figure over images, by the cluster bootstrap: people, not images, are drawn with replacement, since
 * the images of one person are alike; a person brings all of theirs. Each of 2,000 resamples gives the mean over its images, and the
 * interval lies between the 2.5th and the 97.5th percentile of these. All figures share the draws, and equal people give equal draws.
 * Fewer than two people say nothing of how people differ: the intervals are undefined. Those of few are too narrow, of ten people by about
 * a fifth: they know nothing of Student's t, nor that a sample spreads less than what it is drawn from.
 *
 * Sources: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13; Field and Welsh, "Bootstrapping clustered data",
 * Journal of the Royal Statistical Society B 69 (2007).
 */
export function bootstrapIntervals(people: readonly PersonSums[]): (Interval | undefined)[] {
  const figures = people[0]?.sums.length ?? 0;
  if (people.length < 2) return Array.from({ length: figures }, () => undefined);
  const means = resampledMeans(people, figures);
  const tail = (1 - LEVEL) / 2;
  return means.map((values) => {
    values.sort();
    return { low: quantile(values, tail), high: quantile(values, 1 - tail) };
  });
}

/** For each figure the means of all resamples. */
function resampledMeans(people: readonly PersonSums[], figures: number): Float64Array[] {
  const random = randomFor(SEED, 'bootstrap over people', people.length);
  const means = Array.from({ length: figures }, () => new Float64Array(RESAMPLES));
  const times = new Uint32Array(people.length);
  const sums = new Float64Array(figures);
  for (let resample = 0; resample < RESAMPLES; resample++) {
    times.fill(0);
    for (let draw = 0; draw < people.length; draw++) {
      const person = random.integer(people.length);
      times[person] = (times[person] ?? 0) + 1;
    }
    sums.fill(0);
    let images = 0;
    for (const [index, person] of people.entries()) {
      const weight = times[index] ?? 0;
      if (weight === 0) continue;
      images += weight * person.images;
      for (let figure = 0; figure < figures; figure++) sums[figure] = (sums[figure] ?? 0) + weight * (person.sums[figure] ?? 0);
    }
    for (const [figure, values] of means.entries()) values[resample] = (sums[figure] ?? 0) / images;
  }
  return means;
}

/** The value below which `share` of the sorted values lie, between two of them in proportion. Of no values it is no number. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const [lower, upper] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return lower + (upper - lower) * (at - Math.floor(at));
}

/** A mean over images; its interval is undefined where fewer than two people are in it. */
export type Estimate = { readonly mean: number; readonly interval: Interval | undefined };

export type DiceEstimates = {
  readonly people: number;
  readonly images: number;
  /** Over image × class. */
  readonly all: Estimate;
  /** In class order. */
  readonly perClass: readonly Estimate[];
};

/** An image's figures: the mean over classes, then each class. */
export const withMean = (perClass: readonly number[]): number[] => [meanOf(perClass), ...perClass];

const NOTHING: Estimate = { mean: 0, interval: undefined };

/** Mean Dice in all and of each class with its bootstrap interval over people. Without images all is 0. */
export function diceEstimates(images: readonly { readonly group: string; readonly perClass: readonly number[] }[]): DiceEstimates {
  const people = sumsByPerson(images, ({ perClass }) => withMean(perClass));
  const intervals = bootstrapIntervals(people);
  const [all = NOTHING, ...perClass] = meansOf(people).map((mean, index): Estimate => ({ mean, interval: intervals[index] }));
  return { people: people.length, images: images.length, all, perClass };
}
