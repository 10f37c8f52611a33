import { squareFit } from '@carpal/masks/fit.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { type Answering, type ImageLogits, type ImageSquares, imageLogits, onOneGrid } from './image-logits.ts';
import { nextTurn, type Pause } from './pause.ts';
import { logitsToMask } from './upsample.ts';
import type { Viewing } from './viewing.ts';

export type SoftVote = {
  /** All of the same classes (see checkSameClasses); each counts by its weight. */
  readonly networks: readonly Answering[];
  readonly viewing: Viewing;
  /** One a class. */
  readonly thresholds: readonly number[];
  /** After each run of a network; lets the event loop turn where it is left out. */
  readonly pause?: Pause;
};

/**
 * One mask a class at the sheet's own size: the probabilities of the networks are averaged by weight, on the largest of their grids, and
 * cut at the class's threshold. What the networks say of this one image is all that is held.
 * Throws what the pause throws.
 */
export async function softVote({ networks, viewing, thresholds, pause = nextTurn }: SoftVote, image: ImageSquares): Promise<RleMask[]> {
  const classes = thresholds.length;
  const answers: ImageLogits[] = [];
  for (const network of networks) answers.push(await imageLogits(network, viewing, image, classes, pause));
  const logits = onOneGrid(answers, classes);
  return thresholds.map((threshold, classIndex) => cutMask(logits, image, classes, classIndex, threshold));
}

/** The mask that logits give one class at the sheet's own size. */
export function cutMask(
  { maps, size }: ImageLogits,
  { width, height }: Pick<ImageSquares, 'width' | 'height'>,
  classes: number,
  classIndex: number,
  threshold: number,
): RleMask {
  return logitsToMask({ maps, classIndex, classes, fit: squareFit(width, height, size), width, height, threshold });
}
