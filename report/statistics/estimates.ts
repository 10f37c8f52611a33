import { randomFor } from '@carpal/masks/random.ts';
import { meanOf } from '../scoring/scoring.ts';

/** Sums over the images of one person: one sum per figure. */
export type PersonSums = { readonly images: number; readonly sums: Float64Array };

/**
 * Sums by person, sorted by the person's name, so that the order of images and folds does not affect random draws over people. `figuresOf`
 * returns the figures of an image, the same number for all images.
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

/** The mean of each figure over all images; empty without people. */
export function meansOf(people: readonly PersonSums[]): number[] {
  const images = people.reduce((sum, person) => sum + person.images, 0);
  return Array.from(people[0]?.sums ?? [], (_, index) => people.reduce((sum, { sums }) => sum + (sums[index] ?? 0), 0) / images);
}

export type Interval = { readonly low: number; readonly high: number };

const RESAMPLES = 2000;
const LEVEL = 0.95;
/** One fixed seed: a report and a comparison show the same interval. */
const SEED = 21;

/**
 * 95 % intervals for the mean of each figure over images, by the cluster bootstrap. People, not images, are drawn with replacement, because
 * the images of one person are alike; a person contributes all of their images. Each of 2,000 resamples gives a mean over its images, and
 * the interval is from the 2.5th to the 97.5th percentile of these means. All figures share the same draws, and equal people give equal
 * draws. With fewer than two people the intervals are undefined. With few people they are too short, with ten people by about a fifth: they
 * do not correct for the small sample as Student's t does.
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

/** For each figure, the means of all resamples. */
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

/** The quantile of sorted values with linear interpolation; NaN without values. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const [lower, upper] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return lower + (upper - lower) * (at - Math.floor(at));
}

/** A mean over images; the interval is undefined with fewer than two people. */
export type Estimate = { readonly mean: number; readonly interval: Interval | undefined };

export type DiceEstimates = {
  readonly people: number;
  readonly images: number;
  /** Over image × class. */
  readonly all: Estimate;
  /** In class order. */
  readonly perClass: readonly Estimate[];
};

/** The figures of an image: the mean over classes, followed by each class. */
export const withMean = (perClass: readonly number[]): number[] => [meanOf(perClass), ...perClass];

const NOTHING: Estimate = { mean: 0, interval: undefined };

/** Mean Dice overall and per class, with bootstrap intervals over people. Without images, `all` is 0. */
export function diceEstimates(images: readonly { readonly group: string; readonly perClass: readonly number[] }[]): DiceEstimates {
  const people = sumsByPerson(images, ({ perClass }) => withMean(perClass));
  const intervals = bootstrapIntervals(people);
  const [all = NOTHING, ...perClass] = meansOf(people).map((mean, index): Estimate => ({ mean, interval: intervals[index] }));
  return { people: people.length, images: images.length, all, perClass };
}
