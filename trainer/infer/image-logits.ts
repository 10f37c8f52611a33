import type { Affine } from '@carpal/masks/warp.ts';
import type { Predictor } from '../step/step.ts';
import type { ImageSquares } from './image-squares.ts';
import type { LogitMap } from './logits-to-mask.ts';
import type { Pause } from './pause.ts';
import {
  areMirrors,
  betweenSquares,
  type MirrorName,
  mirrored,
  sidesOf,
  squareSizeOf,
  toUnitRange,
  type Viewing,
  viewOf,
} from './views.ts';
import { windowLogits } from './windows.ts';

/** A network that takes part in a vote. */
export type Voter = {
  readonly predictor: Predictor;
  readonly inputSize: number;
  readonly sizeMultiple: number;
  /** Weight in the mean, 1 by default. */
  readonly weight?: number;
};

/** Logits of one image on a `size` × `size` grid. Each map is `[size, size, classes]`. */
export type ImageLogits = { readonly maps: readonly LogitMap[]; readonly size: number };

/**
 * The logits of one network for one image. Out-of-fold masks (on which thresholds are fitted), the ensemble and `predict` all use this
 * function, so they all get the same output from a network. The grid is the network's input, or the fitted image if there are windows.
 *
 * Mirrored views of the whole image run as one batch and return one map per view, so their probabilities are averaged. With other views or
 * with windows there is one map: the mean of all views' logits over the pixels that each view shows. Each view is mapped back as soon as it
 * is computed. So at most three things are in memory: the map of the grid (4 bytes × size² × classes: 487 MB for 29 classes at 2048), the
 * map of one view, and the output for a few windows. Windows are cut from the rotated or scaled image, which is never smaller than one
 * window.
 *
 * Pauses after each run of the network, and throws what the pause throws.
 */
export async function imageLogits(
  network: Voter,
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
  const logitsOf = async (shown: Float32Array, side: number): Promise<Float32Array> => {
    if (window) return windowLogits(predictor, shown, side, window, classes, pause);
    const logits = predictor.run(shown, 1, side);
    await pause();
    return logits;
  };
  if (views.length === 1 && areMirrors(views)) {
    const [view] = views as readonly [MirrorName];
    const shown = viewOf(view, size, viewing, sides).show(pixels);
    return { size, maps: [{ logits: mirrored(await logitsOf(shown, size), size, classes, view), weight }] };
  }
  const sum = new LogitSum(size, classes);
  for (const name of views) {
    const view = viewOf(name, size, viewing, sides);
    sum.add(await logitsOf(view.show(pixels), view.size), view.size, view.toView);
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
  const unit = toUnitRange(pixels);
  const images = new Float32Array(views.length * unit.length);
  for (const [index, view] of views.entries()) images.set(mirrored(unit, size, 1, view), index * unit.length);
  const logits = predictor.run(images, views.length, size);
  await pause();
  const length = size * size * classes;
  return views.map((view, index) => {
    const own = logits.subarray(index * length, (index + 1) * length);
    // Written back in place: an ensemble keeps every network's maps, and a copy would keep the whole output alive as well.
    if (view !== 'identity') own.set(mirrored(own, size, classes, view));
    return own;
  });
}

/** The maps of several networks on the largest of their grids. Smaller maps are enlarged bilinearly with aligned pixel centres. */
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

/** Logit of a pixel that no view shows: no bone. */
const UNSEEN = -10;
/** Half a pixel, with room for rounding: a view covers the area of its pixels, not only their centres. */
const EDGE = 0.5 + 1e-9;

/**
 * The mean of several views' logits on one grid. A view counts only for the pixels that it shows, so pixels that a rotated view cuts off
 * are the mean of the other views. Holds one map `[size, size, classes]`.
 */
export class LogitSum {
  readonly #size: number;
  readonly #classes: number;
  readonly #sums: Float32Array;
  readonly #votes: Uint16Array;

  constructor(size: number, classes: number) {
    this.#size = size;
    this.#classes = classes;
    this.#sums = new Float32Array(size * size * classes);
    this.#votes = new Uint16Array(size * size);
  }

  /**
   * Adds a view's logits `[viewSize, viewSize, classes]`. `toView` maps pixels of the grid to the view. Values are bilinear between pixel
   * centres and constant in the outer half of border pixels. A grid pixel that falls exactly on a view pixel gets its logits unchanged.
   */
  add(logits: Float32Array, viewSize: number, toView: Affine): void {
    const [a, b, c, d, e, f] = toView;
    const size = this.#size;
    const last = viewSize - 1;
    for (let y = 0, pixel = 0; y < size; y++) {
      for (let x = 0; x < size; x++, pixel++) {
        const u = a * x + b * y + c;
        const v = d * x + e * y + f;
        if (u < -EDGE || v < -EDGE || u > last + EDGE || v > last + EDGE) continue;
        this.#addPixel(pixel, logits, viewSize, Math.min(Math.max(u, 0), last), Math.min(Math.max(v, 0), last));
      }
    }
  }

  #addPixel(pixel: number, logits: Float32Array, viewSize: number, u: number, v: number): void {
    const classes = this.#classes;
    const sums = this.#sums;
    const left = Math.floor(u);
    const top = Math.floor(v);
    const across = u - left;
    const down = v - top;
    this.#votes[pixel] = (this.#votes[pixel] as number) + 1;
    const to = pixel * classes;
    const p = (top * viewSize + left) * classes;
    if (across === 0 && down === 0) {
      for (let k = 0; k < classes; k++) sums[to + k] = (sums[to + k] as number) + (logits[p + k] as number);
      return;
    }
    // A neighbour beyond the border would have the weight 0, so the pixel itself is read instead.
    const q = across === 0 ? p : p + classes;
    const below = down === 0 ? 0 : viewSize * classes;
    const shareQ = across * (1 - down);
    const shareR = (1 - across) * down;
    const shareS = across * down;
    const shareP = (1 - across) * (1 - down);
    for (let k = 0; k < classes; k++) {
      sums[to + k] =
        (sums[to + k] as number) +
        (shareP * (logits[p + k] as number) + shareQ * (logits[q + k] as number)) +
        (shareR * (logits[p + below + k] as number) + shareS * (logits[q + below + k] as number));
    }
  }

  /** The means. Returns the sum's own array, so nothing may be added afterwards. */
  mean(): Float32Array {
    const classes = this.#classes;
    const sums = this.#sums;
    for (let pixel = 0, at = 0; pixel < this.#votes.length; pixel++, at += classes) {
      const votes = this.#votes[pixel] as number;
      if (votes === 1) continue;
      if (votes === 0) sums.fill(UNSEEN, at, at + classes);
      else for (let k = 0; k < classes; k++) sums[at + k] = (sums[at + k] as number) / votes;
    }
    return sums;
  }
}
