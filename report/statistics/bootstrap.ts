import { randomFor } from '@carpal/masks/random.ts';
import type { PersonSums } from './people-sums.ts';
import { quantile } from './quantile.ts';

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
