import type { Predictor } from '../engine/step.ts';
import { LogitSum } from './logit-sum.ts';
import type { Pause } from './pause.ts';
import { areMirrors, type MirrorName, mirrored } from './tta.ts';
import type { LogitMap } from './upsample.ts';
import { betweenSquares, sidesOf, unitPicture, viewOf } from './view.ts';
import { squareSizeOf, type Viewing } from './viewing.ts';
import { windowLogits } from './windows.ts';

/** What of a network its answer depends on. */
export type Answering = {
  readonly predictor: Predictor;
  readonly inputSize: number;
  readonly sizeMultiple: number;
  /** Its share in the mean; 1 where it is left out. */
  readonly weight?: number;
};

/** A radiograph in squares of the sizes asked for, one byte a pixel, with the size of its sheet. */
export type ImageSquares = { readonly width: number; readonly height: number; readonly squareOf: (size: number) => Uint8Array };

/** Logits of one image on one grid of `size` × `size`. */
export type ImageLogits = { readonly maps: readonly LogitMap[]; readonly size: number };

/**
 * What one network says of one image, as it counts in every vote: out of fold, where thresholds are fitted, in the ensemble and in
 * `predict`. The grid is the network's input, or the fitted sheet where there are windows.
 *
 * Mirrored views of the whole sheet are run together and give a map each, so that their probabilities are averaged. With other views or
 * with windows there is one map, the mean of all views' logits over the pixels that they show; each view is undone as soon as it is
 * there, so the map of the grid (4 bytes × size² × classes: 487 MB for 29 classes at 2048), that of one view and the answer for a few
 * windows are all that is alive. Windows are cut from the turned or scaled sheet; a sheet is not scaled below the window.
 *
 * Pauses after each run of the network, and throws what the pause throws.
 */
export async function imageLogits(
  network: Answering,
  viewing: Viewing,
  image: ImageSquares,
  classes: number,
  pause: Pause,
): Promise<ImageLogits> {
  const { views, window } = viewing;
  const { weight = 1, predictor, sizeMultiple } = network;
  const size = squareSizeOf(viewing, network.inputSize);
  const pixels = image.squareOf(size);
  if (!window && areMirrors(views)) {
    const maps = await mirrorLogits(predictor, views, pixels, size, classes, pause);
    return { size, maps: maps.map((logits) => ({ logits, weight })) };
  }
  const sides = sidesOf(viewing, sizeMultiple);
  const answer = async (picture: Float32Array, side: number): Promise<Float32Array> => {
    if (window) return windowLogits(predictor, picture, side, window, classes, pause);
    const logits = predictor.run(picture, 1, side);
    await pause();
    return logits;
  };
  if (views.length === 1 && areMirrors(views)) {
    const [view] = views as readonly [MirrorName];
    const picture = viewOf(view, size, viewing, sides).show(pixels);
    return { size, maps: [{ logits: mirrored(await answer(picture, size), size, classes, view), weight }] };
  }
  const sum = new LogitSum(size, classes);
  for (const name of views) {
    const view = viewOf(name, size, viewing, sides);
    sum.add(await answer(view.show(pixels), view.size), view.size, view.toView);
  }
  return { size, maps: [{ logits: sum.mean(), weight }] };
}

async function mirrorLogits(
  predictor: Predictor,
  views: readonly MirrorName[],
  pixels: Uint8Array,
  size: number,
  classes: number,
  pause: Pause,
): Promise<readonly Float32Array[]> {
  const unit = unitPicture(pixels);
  const images = new Float32Array(views.length * unit.length);
  for (const [index, view] of views.entries()) images.set(mirrored(unit, size, 1, view), index * unit.length);
  const logits = predictor.run(images, views.length, size);
  await pause();
  const length = size * size * classes;
  return views.map((view, index) => {
    const own = logits.subarray(index * length, (index + 1) * length);
    // Put back over what was answered: an ensemble keeps every network's maps, and the answer of all views would stay alive beside copies.
    if (view !== 'identity') own.set(mirrored(own, size, classes, view));
    return own;
  });
}

/** The maps of several networks on the largest of their grids; smaller ones are enlarged bilinearly, pixel centres kept aligned. */
export function onOneGrid(answers: readonly ImageLogits[], classes: number): ImageLogits {
  const size = Math.max(...answers.map((answer) => answer.size));
  const maps = answers.flatMap((answer) =>
    answer.size === size ? answer.maps : answer.maps.map((map) => ({ ...map, logits: enlarged(map.logits, answer.size, size, classes) })),
  );
  return { size, maps };
}

function enlarged(logits: Float32Array, from: number, to: number, classes: number): Float32Array {
  const sum = new LogitSum(to, classes);
  sum.add(logits, from, betweenSquares(to, from));
  return sum.mean();
}
