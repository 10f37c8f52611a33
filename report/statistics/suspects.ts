import type { OutOfFoldDice, ScoredImage } from '@carpal/configs/schema/run-figures.ts';
import { quantile } from './estimates.ts';

/** An annotation that differs unusually from the mask of the network that was not trained on its person. */
export type Suspect = Pick<ScoredImage, 'imageName' | 'group' | 'fold'> & {
  readonly classIndex: number;
  readonly dice: number;
  /** The median Dice of the class over all images. */
  readonly usual: number;
  /** How far Dice lies below the median, in robust standard deviations of the class. */
  readonly deviations: number;
};

/** From this many robust standard deviations below the median on, an annotation is a suspect. */
const LEAST_DEVIATIONS = 3;
/** A median absolute deviation times this number estimates the standard deviation of normal values. */
const NORMAL = 1.4826;
/** Classes that the network masters vary by less than this. Then ordinary differences of some pixels would be suspects. */
const LEAST_SPREAD = 0.01;

const median = (values: readonly number[]): number =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );

/**
 * The annotations whose out-of-fold Dice is unusually low for their class, the largest drop below the median first. A low Dice that is usual
 * for a class says something about the network, not about an annotation.
 */
export function suspects({ images, classes }: Pick<OutOfFoldDice, 'images' | 'classes'>): readonly Suspect[] {
  const found = classes.flatMap((_, classIndex) => {
    const values = images.map(({ perClass }) => perClass[classIndex] ?? 0);
    if (values.length === 0) return [];
    const usual = median(values);
    const spread = Math.max(LEAST_SPREAD, NORMAL * median(values.map((value) => Math.abs(value - usual))));
    return images.flatMap(({ imageName, group, fold }, index): Suspect[] => {
      const dice = values[index] ?? 0;
      const deviations = (usual - dice) / spread;
      return deviations < LEAST_DEVIATIONS ? [] : [{ imageName, group, fold, classIndex, dice, usual, deviations }];
    });
  });
  return found.sort((a, b) => b.usual - b.dice - (a.usual - a.dice));
}
