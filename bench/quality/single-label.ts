import { difference, union } from '@carpal/masks/combine.ts';
import type { Fit } from '@carpal/masks/fit.ts';
import { area } from '@carpal/masks/measure.ts';
import { emptyMask, RleBuilder, type RleMask } from '@carpal/masks/rle-mask.ts';

/**
 * The masks of one image without overlap: a pixel in several masks goes to the one that comes first in `order` (indexes of masks). Throws a
 * RangeError for an index without a mask.
 */
export function withoutOverlap(masks: readonly RleMask[], order: readonly number[]): RleMask[] {
  const own = [...masks];
  const [first] = masks;
  if (!first) return own;
  let taken = emptyMask(first.width, first.height);
  for (const index of order) {
    const mask = masks[index];
    if (!mask) throw new RangeError(`there is no mask ${index}`);
    own[index] = difference(mask, taken);
    taken = union(taken, mask);
  }
  return own;
}

/** The indexes of the masks, those with the fewest pixels first. */
export function smallestFirst(masks: readonly RleMask[]): number[] {
  const areas = masks.map(area);
  return [...masks.keys()].sort((a, b) => (areas[a] ?? 0) - (areas[b] ?? 0));
}

/** Logits `[size, size, classes]` in the training square. */
export type Logits = { readonly values: Float32Array; readonly classes: number; readonly fit: Fit };

/**
 * The masks that argmax would give: a pixel in several masks goes to the class with the greatest logit there, interpolated bilinearly as
 * the masks were. Pixels in which no class passes the threshold get no label, as with a background class.
 */
export function argmaxOf(masks: readonly RleMask[], logits: Logits): RleMask[] {
  const [first] = masks;
  if (!first) return [];
  const { width, height } = first;
  const holders = holdersOfPixels(masks, width * height);
  const best = new Map<number, number>();
  const winner = (pixel: number, classIndex: number): boolean => {
    if ((holders[pixel] as number) < 2) return true;
    let chosen = best.get(pixel);
    if (chosen === undefined) {
      chosen = mostProbable(masks, logits, pixel, width);
      best.set(pixel, chosen);
    }
    return chosen === classIndex;
  };
  return masks.map((mask, classIndex) => {
    const builder = new RleBuilder();
    for (let i = 0; i < mask.bounds.length; i += 2) {
      const end = mask.bounds[i + 1] as number;
      for (let pixel = mask.bounds[i] as number; pixel < end; pixel++) if (winner(pixel, classIndex)) builder.add(pixel, pixel + 1);
    }
    return builder.finish(width, height);
  });
}

function holdersOfPixels(masks: readonly RleMask[], pixels: number): Uint8Array {
  const holders = new Uint8Array(pixels);
  for (const { bounds } of masks) {
    for (let i = 0; i < bounds.length; i += 2) {
      for (let pixel = bounds[i] as number; pixel < (bounds[i + 1] as number); pixel++) holders[pixel] = (holders[pixel] as number) + 1;
    }
  }
  return holders;
}

/** The class with the greatest logit at a pixel of the image. It is always one of the classes whose masks hold the pixel. */
function mostProbable(masks: readonly RleMask[], { values, classes, fit }: Logits, pixel: number, width: number): number {
  const [x0, across] = cellOf(pixel % width, fit.offsetX, fit);
  const [y0, down] = cellOf(Math.floor(pixel / width), fit.offsetY, fit);
  const x1 = Math.min(x0 + 1, fit.size - 1);
  const y1 = Math.min(y0 + 1, fit.size - 1);
  let [best, most] = [0, Number.NEGATIVE_INFINITY];
  for (let index = 0; index < masks.length; index++) {
    const at = (x: number, y: number): number => values[(y * fit.size + x) * classes + index] as number;
    const upper = at(x0, y0) * (1 - across) + at(x1, y0) * across;
    const lower = at(x0, y1) * (1 - across) + at(x1, y1) * across;
    const logit = upper * (1 - down) + lower * down;
    if (logit > most) [best, most] = [index, logit];
  }
  return best;
}

/** Along one axis: the pixel of the square before the centre of an image's pixel, and the distance between both. */
function cellOf(position: number, offset: number, { size, scale }: Fit): [number, number] {
  const at = Math.min(Math.max((position + 0.5 - offset) / scale - 0.5, 0), size - 1);
  const floor = Math.min(Math.floor(at), Math.max(size - 2, 0));
  return [floor, at - floor];
}
