import type { ScoredImage } from '@carpal/configs/schema/run-figures.ts';
import { bootstrapIntervals, type Estimate, meansOf, sumsByPerson, withMean } from './estimates.ts';
import { signFlipProbability } from './sign-flip.ts';

export type PairedDifference = {
  /** Images that both runs have. */
  readonly images: number;
  readonly people: number;
  /** Images of one name whose true masks differ between the runs; they are left out. */
  readonly changed: number;
  /** Over image × class: the run less the reference. */
  readonly all: Estimate;
  /** See {@link signFlipProbability}. */
  readonly p: number;
  /** In class order. */
  readonly perClass: readonly Estimate[];
};

/**
 * How much better (positive) a run is than a reference on the images that both have, image by image, so that what makes an image hard for
 * both drops out; with intervals over people and a p-value. Turning the two round turns the signs, and a run less itself is 0 with p = 1.
 * Without a common image `images` is 0. Both must have the same classes.
 */
export function pairedDifference(run: readonly ScoredImage[], reference: readonly ScoredImage[]): PairedDifference {
  const others = new Map(reference.map((image) => [image.imageName, image]));
  const named = run.flatMap((image) => {
    const other = others.get(image.imageName);
    return other ? [{ image, other }] : [];
  });
  const pairs = named.filter(({ image, other }) => image.truth === other.truth);
  const people = sumsByPerson(
    pairs.map(({ image, other }) => ({
      group: image.group,
      difference: image.perClass.map((dice, index) => dice - (other.perClass[index] ?? 0)),
    })),
    ({ difference }) => withMean(difference),
  );
  const intervals = bootstrapIntervals(people);
  const estimates = meansOf(people).map((mean, index): Estimate => ({ mean, interval: intervals[index] }));
  const [all = { mean: 0, interval: undefined }, ...perClass] = estimates;
  const p = signFlipProbability(people.map(({ sums }) => sums[0] ?? 0));
  return { images: pairs.length, people: people.length, changed: named.length - pairs.length, all, p, perClass };
}
