import { meanOf } from '../scoring/scoring.ts';
import { bootstrapIntervals, type Interval } from './bootstrap.ts';
import { meansOf, sumsByPerson } from './people-sums.ts';

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
