import { squareFit } from '@carpal/masks/fit.ts';
import { type Affine, compose, invert } from '@carpal/masks/warp.ts';
import { UNIT_LEVELS } from '../data/augmentations.ts';
import { resizeToSquare } from '../data/resize-image.ts';
import { lookUp } from '../data/warp-image.ts';

/** Grey values 0..255 as 0..1. */
export function grey(pixels: Uint8Array): Float32Array {
  const out = new Float32Array(pixels.length);
  lookUp(pixels, 0, pixels.length, UNIT_LEVELS, out, 0);
  return out;
}

/** A square image at another size, with aligned pixel centres: the mean over areas when it shrinks, otherwise bilinear. 0..1. */
export function resizedSquare(pixels: Uint8Array, side: number, size: number): Float32Array {
  return grey(resizeToSquare({ pixels, width: side, height: side, white: 255 }, squareFit(side, side, size)));
}

/**
 * A square image of `side` moved by `toView`, a map of pixel centres of the `size` × `size` square, and resized to that square in the same
 * interpolation. If the image is reduced, each pixel is the mean of samples at most one source pixel apart over the area that it covers, so
 * no source pixel is skipped. Places outside the image are black. 0..1.
 */
export function rotatedSquare(pixels: Uint8Array, side: number, size: number, toView: Affine): Float32Array {
  const factor = side / size;
  const centreOffset = factor / 2 - 0.5;
  const toSource = compose([factor, 0, centreOffset, 0, factor, centreOffset], invert(toView));
  const samples = samplesOf(toSource);
  const out = new Float32Array(size * size);
  const [a, b, c, d, e, f] = toSource;
  const share = 1 / (255 * samples.length);
  for (let y = 0, to = 0; y < size; y++) {
    for (let x = 0; x < size; x++, to++) {
      const [u, v] = [a * x + b * y + c, d * x + e * y + f];
      let sum = 0;
      for (const [moveU, moveV] of samples) sum += sampleAt(pixels, side, u + moveU, v + moveV);
      out[to] = sum * share;
    }
  }
  return out;
}

/** Where the samples of a pixel are, relative to its centre and in source pixels: a grid over the area that the pixel covers. */
function samplesOf([a, b, , d, e]: Affine): readonly (readonly [u: number, v: number])[] {
  const perSide = Math.max(1, Math.ceil(Math.hypot(a, d) - 1e-9));
  const places = Array.from({ length: perSide }, (_, index) => (index + 0.5) / perSide - 0.5);
  return places.flatMap((y) => places.map((x) => [a * x + b * y, d * x + e * y] as const));
}

/** Bilinear between pixel centres; black outside the image. */
function sampleAt(pixels: Uint8Array, side: number, u: number, v: number): number {
  const left = Math.floor(u);
  const top = Math.floor(v);
  if (left < -1 || top < -1 || left >= side || top >= side) return 0;
  const [across, down] = [u - left, v - top];
  const at = top * side + left;
  const [hasLeft, hasRight] = [left >= 0, left + 1 < side];
  const upper = top >= 0 ? (hasLeft ? (1 - across) * (pixels[at] as number) : 0) + (hasRight ? across * (pixels[at + 1] as number) : 0) : 0;
  const below = at + side;
  const lower =
    top + 1 < side ? (hasLeft ? (1 - across) * (pixels[below] as number) : 0) + (hasRight ? across * (pixels[below + 1] as number) : 0) : 0;
  return upper + down * (lower - upper);
}
