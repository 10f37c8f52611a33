import { randomFor } from '@carpal/masks/random.ts';

/** Up to this many people all choices of signs are tried (at most 16,384); beyond, a random sample. */
const EXACT_UP_TO = 14;
const FLIPS = 9999;
const SEED = 21;
/** Sums that differ only by rounding count as equal. */
const SLACK = 1e-9;

/**
 * The two-sided p-value of a sign-flip permutation test over people. `sums` has one number per person: the sum over their images of the
 * difference between two runs. If the runs were equally good, a person's difference would have either sign with equal probability. p is the
 * share of all choices of signs whose total is at least as far from 0 as the observed one. The test is exact for any number of people and
 * any distribution, whereas the share of bootstrap resamples on one side of 0 is too small with few people. With n people, p is at least 2
 * / 2ⁿ. Beyond 14 people, 9,999 random choices and the observed one represent all. If all differences are 0, p is 1.
 * Sources: Fisher, The Design of Experiments (1935), section 21; Phipson and Smyth, "Permutation p-values should never be zero",
 * Statistical Applications in Genetics and Molecular Biology 9 (2010).
 */
export function signFlipProbability(sums: readonly number[]): number {
  const total = Math.abs(sums.reduce((all, sum) => all + sum, 0));
  const enough = total - SLACK * sums.reduce((all, sum) => all + Math.abs(sum), 0);
  return sums.length <= EXACT_UP_TO ? shareOfAll(sums, enough) : shareOfSome(sums, enough);
}

/** The first sign is fixed: flipping all signs does not change the distance from 0. */
function shareOfAll(sums: readonly number[], enough: number): number {
  const choices = 2 ** Math.max(0, sums.length - 1);
  let far = 0;
  for (let signs = 0; signs < choices; signs++) {
    let total = sums[0] ?? 0;
    for (let person = 1; person < sums.length; person++) {
      const sum = sums[person] ?? 0;
      total += (signs >> (person - 1)) & 1 ? -sum : sum;
    }
    if (Math.abs(total) >= enough) far += 1;
  }
  return far / choices;
}

function shareOfSome(sums: readonly number[], enough: number): number {
  const random = randomFor(SEED, 'signs of people', sums.length);
  let far = 1;
  for (let flip = 0; flip < FLIPS; flip++) {
    let total = 0;
    for (const sum of sums) total += random.next() < 0.5 ? -sum : sum;
    if (Math.abs(total) >= enough) far += 1;
  }
  return far / (FLIPS + 1);
}
