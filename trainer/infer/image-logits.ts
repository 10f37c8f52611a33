import { compose } from '@carpal/masks/warp.ts';
import type { Normalize } from '@carpal/report/dataset/grey-range.ts';
import type { Predictor } from '../step/step.ts';
import type { ImageSquares } from './image-squares.ts';
import type { Pause } from './pause.ts';
import { damp, ViewMean } from './view-mean.ts';
import { betweenSquares, type Sight, sidesFor, type View, type Viewing, viewOf, windowFor } from './views.ts';
import { imagesPerRun, windowLogits } from './windows.ts';

/** A network that takes part in a vote. */
export type Voter = Sight & {
  readonly predictor: Predictor;
  /** How the images that it was trained on were normalized, `unit` by default. */
  readonly normalize?: Normalize;
  /** Weight in the mean, 1 by default. */
  readonly weight?: number;
};

/** Logits of one image, `[size, size, classes]`. */
export type ImageLogits = { readonly logits: Float32Array; readonly size: number };

/**
 * The logits of one image: the mean over all networks and views (see ViewMean). Out-of-fold masks (on which thresholds are
 * fitted), the ensemble and `predict` all use this function, so they all get the same result. The grid is the largest training square of
 * the networks.
 *
 * Networks and views run one after the other, and each view is added to the mean as soon as it is computed. So whatever their number, two
 * maps are in memory, the mean and the view (each 4 bytes × side² × classes: 487 MB for 29 classes at 2048), and the output of a run on a
 * few small images or windows. One network with the identity view needs only one map.
 *
 * Pauses after each run of a network, and throws what the pause throws.
 */
export async function imageLogits(
  networks: readonly Voter[],
  viewing: Viewing,
  image: ImageSquares,
  classes: number,
  pause: Pause,
): Promise<ImageLogits> {
  const size = gridSize(networks);
  const isPlain = networks.length === 1 && viewing.views.length === 1 && viewing.views[0] === 'identity';
  const mean = new ViewMean(isPlain ? 0 : size, classes);
  for (const network of networks) {
    const toSquare = betweenSquares(size, network.imageSize);
    for await (const { view, logits } of viewLogits(network, viewing, image, classes, pause)) {
      if (isPlain) return { size, logits };
      // Windows are damped one by one.
      if (!windowFor(viewing, network)) damp(logits);
      mean.add(logits, view.size, compose(view.toView, toSquare), network.weight ?? 1);
    }
  }
  return { size, logits: mean.logits() };
}

/** The side of the grid on which networks are averaged: the largest of their training squares. */
export function gridSize(networks: readonly Sight[]): number {
  return Math.max(...networks.map(({ imageSize }) => imageSize));
}

type ViewLogits = { readonly view: View; readonly logits: Float32Array };

/** The logits of each view, in order. Whole images that are small and of one size share a run. */
async function* viewLogits(
  network: Voter,
  viewing: Viewing,
  image: ImageSquares,
  classes: number,
  pause: Pause,
): AsyncGenerator<ViewLogits> {
  const { predictor, imageSize, normalize } = network;
  const seen: ImageSquares = { ...image, squareOf: (side) => image.squareOf(side, normalize) };
  const sides = sidesFor(viewing, network);
  const window = windowFor(viewing, network);
  const views = viewing.views.map((name) => viewOf(name, imageSize, viewing, sides));
  if (window) {
    for (const view of views) yield { view, logits: await windowLogits(predictor, view.show(seen), view.size, window, classes, pause) };
    return;
  }
  for (let from = 0; from < views.length; ) {
    const { size } = views[from] as View;
    const others = views.slice(from, from + imagesPerRun(size)).findIndex((view) => view.size !== size);
    const batch = views.slice(from, others < 0 ? from + imagesPerRun(size) : from + others);
    from += batch.length;
    const shown = new Float32Array(batch.length * size * size);
    for (const [index, view] of batch.entries()) shown.set(view.show(seen), index * size * size);
    const logits = predictor.run(shown, batch.length, size);
    await pause();
    const length = size * size * classes;
    for (const [index, view] of batch.entries()) yield { view, logits: logits.subarray(index * length, (index + 1) * length) };
  }
}
