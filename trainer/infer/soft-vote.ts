import type { TtaName } from '@carpal/configs/schema/experiment.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import type { Runs } from '@carpal/masks/runs.ts';
import type { Network } from './network.ts';
import { mirrored } from './tta.ts';
import { type LogitMap, logitsToRuns } from './upsample.ts';

export type SoftVote = {
  /** All of one task (see checkSameTask). */
  readonly networks: readonly Network[];
  readonly views: readonly TtaName[];
  /** One a class. */
  readonly thresholds: readonly number[];
};

/** An image in its training square, one byte a pixel, with the size of its sheet. */
export type SquareImage = { readonly pixels: Uint8Array; readonly size: number; readonly width: number; readonly height: number };

/**
 * One mask a class at the sheet's own size: the probabilities of every network and view are averaged, all alike, and cut at the class's
 * threshold. Logits of this one image are all that is held.
 */
export function softVote(vote: SoftVote, image: SquareImage): Runs[] {
  const { size, width, height } = image;
  const classes = vote.thresholds.length;
  const maps = vote.networks.flatMap((network) => logitsOf(network, vote.views, image, classes));
  const fit = squareFit(width, height, size);
  return vote.thresholds.map((threshold, classIndex) => logitsToRuns({ maps, classIndex, classes, fit, width, height, threshold }));
}

function logitsOf(network: Network, views: readonly TtaName[], { pixels, size }: SquareImage, classes: number): LogitMap[] {
  const unit = Float32Array.from(pixels, (value) => value / 255);
  const images = new Float32Array(views.length * unit.length);
  for (const [index, view] of views.entries()) images.set(mirrored(unit, size, 1, view), index * unit.length);
  const logits = network.predictor.run(images, views.length, size);
  const length = size * size * classes;
  return views.map((view, index) => ({
    logits: mirrored(logits.subarray(index * length, (index + 1) * length), size, classes, view),
    weight: 1,
  }));
}
