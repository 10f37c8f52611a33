import type { ScoredImage } from '@carpal/configs/schema/run-figures.ts';
import { bootstrapIntervals, type Estimate, meansOf, sumsByPerson, withMean } from './estimates.ts';
import { signFlipProbability } from './sign-flip.ts';

export type PairedDifference = {
  /** Images that both runs have. */
  readonly images: number;
  readonly people: number;
  /** Images of the same name whose true masks differ between the runs; they are excluded. */
  readonly changed: number;
  /** Over image × class: the run minus the reference. */
  readonly all: Estimate;
  /** See {@link signFlipProbability}. */
  readonly p: number;
  /** In class order. */
  readonly perClass: readonly Estimate[];
};

/**
 * How much better (positive) a run is than a reference on the images that both have. Differences are taken image by image, which removes
 * the difficulty of the images; intervals and the p-value are over people. Swapping the two runs changes the signs, and a run compared with
 * itself gives 0 with p = 1. Without common images, `images` is 0. Both runs must have the same classes.
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
