import type { TtaName } from '@carpal/configs/schema/experiment.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import { type Affine, IDENTITY, rotation, scaling } from '@carpal/masks/warp.ts';
import { UNIT_LEVELS } from '../data/augmentations.ts';
import { fitImage } from '../data/fit-image.ts';
import { lookUp, warpImage, warpScratch } from '../data/warp-image.ts';
import type { Viewing } from './viewing.ts';

/** One look at a square image: what is shown, and where in it each pixel of the square has gone (from pixel centres to pixel centres). */
export type View = {
  /** Side of the picture shown. */
  readonly size: number;
  readonly toView: Affine;
  /** The picture, grey values in 0..1. */
  show(pixels: Uint8Array): Float32Array;
};

/** What a picture's side must be: a multiple of `multiple`, and no less than `least`. */
export type Sides = { readonly multiple: number; readonly least: number };

/** Windows are cut from a sheet of any side that holds one; without them the network is shown the picture itself. */
export function sidesOf({ window }: Pick<Viewing, 'window'>, sizeMultiple: number): Sides {
  return window ? { multiple: 1, least: window.size } : { multiple: sizeMultiple, least: sizeMultiple };
}

/**
 * The named view of a `square` × `square` image. rotateLeft and rotateRight turn the picture about its centre, bilinearly, with black
 * where the image does not reach; what is turned out of the square is not shown. scaleDown and scaleUp show the whole image in a smaller
 * or larger picture: as areas' means or bilinearly, pixel centres kept aligned. The side of a picture is rounded to what `sides` allow.
 */
export function viewOf(name: TtaName, square: number, { degrees, scale }: Pick<Viewing, 'degrees' | 'scale'>, sides: Sides): View {
  const centre = (square - 1) / 2;
  switch (name) {
    case 'identity':
      return moved(square, IDENTITY);
    case 'flipHorizontal':
      return moved(square, scaling(-1, 1, centre, centre));
    case 'flipVertical':
      return moved(square, scaling(1, -1, centre, centre));
    case 'rotateLeft':
      return moved(square, rotation(-degrees, centre, centre));
    case 'rotateRight':
      return moved(square, rotation(degrees, centre, centre));
    case 'scaleDown':
      return resized(square, sideNear(square * (1 - scale), sides));
    case 'scaleUp':
      return resized(square, sideNear(square * (1 + scale), sides));
  }
}

function moved(size: number, toView: Affine): View {
  const fit = squareFit(size, size, size);
  return {
    size,
    toView,
    show(pixels) {
      if (toView === IDENTITY) return unitPicture(pixels);
      const out = new Float32Array(size * size);
      warpImage(pixels, { fit, warp: [toView], levels: UNIT_LEVELS, scratch: warpScratch(size) }, out);
      return out;
    },
  };
}

function resized(square: number, size: number): View {
  return {
    size,
    toView: betweenSquares(square, size),
    show: (pixels) => unitPicture(fitImage({ pixels, width: square, height: square, white: 255 }, squareFit(square, square, size))),
  };
}

/** Grey values 0..255 as 0..1. */
export function unitPicture(pixels: Uint8Array): Float32Array {
  const out = new Float32Array(pixels.length);
  lookUp(pixels, 0, pixels.length, UNIT_LEVELS, out, 0);
  return out;
}

/** From pixel centres of one square to those of another that shows the same at another size. */
export function betweenSquares(from: number, to: number): Affine {
  const factor = to / from;
  const offset = factor / 2 - 0.5;
  return [factor, 0, offset, 0, factor, offset];
}

function sideNear(side: number, { multiple, least }: Sides): number {
  return Math.max(Math.round(side / multiple) * multiple, Math.ceil(least / multiple) * multiple);
}
