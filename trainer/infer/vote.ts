import type { ClassCut } from '@carpal/artifacts/thresholds.ts';
import type { EnsembleSpec } from '@carpal/configs/schema/experiment.ts';
import { cleaned } from '@carpal/masks/cleaning.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { weightedMajority } from '@carpal/masks/vote.ts';
import { type ImageLogits, imageLogits, type Voter } from './image-logits.ts';
import type { ImageSquares } from './image-squares.ts';
import { logitsToMask } from './logits-to-mask.ts';
import { nextTurn, type Pause } from './pause.ts';
import type { Viewing } from './views.ts';

type Voters = {
  /** All have the same classes (see checkSameClasses). Each counts by its weight. */
  readonly networks: readonly Voter[];
  readonly viewing: Viewing;
  /** Awaited after each run of a network. By default it lets pending events run. */
  readonly pause?: Pause;
};

export type MaskVote = Voters & {
  readonly method: EnsembleSpec['method'];
  /** One per class. */
  readonly cuts: readonly ClassCut[];
};

/**
 * One mask per class at the size of the original image. `soft`: the mean over all networks and views is thresholded and cleaned.
 * `hard`: each network makes its own masks, thresholded and cleaned, and a pixel belongs to a class if the networks that agree have more
 * than half of the total weight. A tie is not enough. A hard vote holds the logits of one network at a time, and only the RLE masks of the
 * others. Throws what the pause throws.
 */
export async function voteMasks({ method, networks, cuts, ...look }: MaskVote, image: ImageSquares): Promise<RleMask[]> {
  const thresholds = cuts.map(({ threshold }) => threshold);
  const masksOf = async (voters: readonly Voter[]): Promise<RleMask[]> =>
    (await softVote({ ...look, networks: voters, thresholds }, image)).map((mask, index) => cleaned(mask, cuts[index]?.cleaning ?? 'none'));
  if (method === 'soft' || networks.length === 1) return masksOf(networks);
  const ballots: RleMask[][] = [];
  for (const network of networks) ballots.push(await masksOf([network]));
  const weights = networks.map(({ weight = 1 }) => weight);
  return cuts.map((_, index) =>
    weightedMajority(
      ballots.map((masks) => masks[index] as RleMask),
      weights,
    ),
  );
}

export type SoftVote = Voters & {
  /** One per class. */
  readonly thresholds: readonly number[];
};

/**
 * One uncleaned mask per class at the size of the original image: the mean over all networks and views (see imageLogits), thresholded.
 * Throws what the pause throws.
 */
export async function softVote({ networks, viewing, thresholds, pause = nextTurn }: SoftVote, image: ImageSquares): Promise<RleMask[]> {
  const classes = thresholds.length;
  const logits = await imageLogits(networks, viewing, image, classes, pause);
  return thresholds.map((threshold, classIndex) => thresholdMask(logits, image, classes, classIndex, threshold));
}

/** The mask of one class at the size of the original image. */
export function thresholdMask(
  { logits, size }: ImageLogits,
  { width, height }: Pick<ImageSquares, 'width' | 'height'>,
  classes: number,
  classIndex: number,
  threshold: number,
): RleMask {
  return logitsToMask({ logits, classIndex, classes, fit: squareFit(width, height, size), width, height, threshold });
}
