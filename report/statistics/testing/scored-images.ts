import type { ScoredImage } from '@carpal/configs/schema/run-figures.ts';
import { randomFor } from '@carpal/masks/random.ts';

export type ScoredImagesOptions = {
  readonly people: number;
  readonly imagesEach?: number;
  readonly classes?: number;
  readonly folds?: number;
  /** Another seed gives another run over the same images. */
  readonly seed?: number;
  /** Added to every Dice. */
  readonly better?: number;
};

/** Images of a run with Dice between 0.6 and 1, harder for some people than for others. */
export function scoredImages({ people, imagesEach = 2, classes = 3, folds = 2, seed = 1, better = 0 }: ScoredImagesOptions): ScoredImage[] {
  return Array.from({ length: people * imagesEach }, (_, index) => {
    const person = Math.floor(index / imagesEach);
    const imageName = `image${String(index).padStart(3, '0')}.png`;
    const ease = randomFor(0, 'person', person).range(0.75, 0.9);
    const random = randomFor(seed, imageName);
    return {
      imageName,
      group: `ID${String(person + 1).padStart(3, '0')}`,
      fold: person % folds,
      truth: `truth of ${imageName}`,
      perClass: Array.from({ length: classes }, () => Math.min(1, Math.max(0, ease + random.range(-0.15, 0.1) + better))),
    };
  });
}
