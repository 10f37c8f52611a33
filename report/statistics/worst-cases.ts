import type { ScoredImage } from '@carpal/configs/schema/run-figures.ts';

export type WorstCase = {
  readonly imageName: string;
  readonly group: string;
  readonly fold: number;
  /** Index of the class. */
  readonly classIndex: number;
  readonly dice: number;
};

/** The masks (image × class) with the least Dice, worst first; of equals the earlier image and class. */
export function worstCases(images: readonly ScoredImage[], count: number): WorstCase[] {
  return images
    .flatMap(({ imageName, group, fold, perClass }) =>
      perClass.map((value, classIndex) => ({ imageName, group, fold, classIndex, dice: value })),
    )
    .sort((a, b) => a.dice - b.dice)
    .slice(0, count);
}
