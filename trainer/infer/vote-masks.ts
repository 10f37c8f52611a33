import type { EnsembleSpec } from '@carpal/configs/schema/experiment.ts';
import { type Cleaning, cleaned } from '@carpal/masks/cleaning.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { weightedMajority } from '@carpal/masks/vote.ts';
import type { Answering, ImageSquares } from './image-logits.ts';
import type { Pause } from './pause.ts';
import { softVote } from './soft-vote.ts';
import type { Viewing } from './viewing.ts';

/** Where the mean probability of a class is cut, and how the mask is cleaned. */
export type ClassCut = { readonly threshold: number; readonly cleaning: Cleaning };

export type MaskVote = {
  readonly method: EnsembleSpec['method'];
  /** All of the same classes; each counts by its weight. */
  readonly networks: readonly Answering[];
  readonly viewing: Viewing;
  /** One a class. */
  readonly cuts: readonly ClassCut[];
  /** After each run of a network; lets the event loop turn where it is left out. */
  readonly pause?: Pause;
};

/**
 * One mask a class at the sheet's own size. `soft`: the networks' probabilities are averaged, then cut and cleaned. `hard`: each network
 * makes its own masks, cut and cleaned, and a pixel belongs to the class when networks of more than half of all weight have it; a tie is
 * not enough. A hard vote holds the logits of one network at a time, and of the others their runs.
 * Throws what the pause throws.
 */
export async function voteMasks({ method, networks, cuts, ...look }: MaskVote, image: ImageSquares): Promise<RleMask[]> {
  const thresholds = cuts.map(({ threshold }) => threshold);
  const masksOf = async (voters: readonly Answering[]): Promise<RleMask[]> =>
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
