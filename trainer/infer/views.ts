import type { InferenceSpec, TtaName } from '@carpal/configs/schema/experiment.ts';
import { sheetSizeOf } from '@carpal/configs/schema/options.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import { type Affine, IDENTITY, rotation, scaling } from '@carpal/masks/warp.ts';
import { UNIT_LEVELS } from '../data/augmentations.ts';
import { resizeToSquare } from '../data/resize-image.ts';
import { lookUp, warpImage, warpScratch } from '../data/warp-image.ts';
import { type WindowSpec, windowStarts } from './windows.ts';

/** How a network sees an image: through which test-time views, and whether through sliding windows. */
export type Viewing = {
  readonly views: readonly TtaName[];
  /** Angle of rotateLeft and rotateRight, in degrees. */
  readonly degrees: number;
  /** Relative size change of scaleDown and scaleUp. */
  readonly scale: number;
  readonly window?: WindowSpec;
};

/** The views and windows of a manifest's `inference`. */
export function viewingOf({ tta, ttaDegrees, ttaScale, window }: InferenceSpec): Viewing {
  const views = { views: tta, degrees: ttaDegrees, scale: ttaScale };
  return window ? { ...views, window: { ...window, sheetSize: sheetSizeOf(window) } } : views;
}

/** The side of the square that an image is fitted to for a network of this input size. */
export function squareSizeOf({ window }: Viewing, inputSize: number): number {
  return window?.sheetSize ?? inputSize;
}

/** Which side lengths a view may have: multiples of `multiple`, at least `least`. */
export type Sides = { readonly multiple: number; readonly least: number };

/** Windows can be cut from a view of any side that holds one window. Without windows, the network processes the view itself. */
export function sidesOf({ window }: Pick<Viewing, 'window'>, sizeMultiple: number): Sides {
  return window ? { multiple: 1, least: window.size } : { multiple: sizeMultiple, least: sizeMultiple };
}

/** How many pixels a network processes for one image, over all views and windows. Inference time grows with this number. */
export function pixelsPerImage(network: { readonly inputSize: number; readonly sizeMultiple: number }, viewing: Viewing): number {
  const { views, window } = viewing;
  const square = squareSizeOf(viewing, network.inputSize);
  const sides = sidesOf(viewing, network.sizeMultiple);
  const pixels = views.map((name) => {
    const side = viewOf(name, square, viewing, sides).size;
    return (window ? windowStarts(side, window.size, window.stride).length * window.size : side) ** 2;
  });
  return pixels.reduce((sum, count) => sum + count, 0);
}

/** One view of a square image. */
export type View = {
  /** Side of the view. */
  readonly size: number;
  /** Maps pixel centres of the square to pixel centres of the view. */
  readonly toView: Affine;
  /** The view of the image, `[size, size]`, with grey values from 0 to 1. */
  show(pixels: Uint8Array): Float32Array;
};

/**
 * The named view of a `square` × `square` image. rotateLeft and rotateRight turn the image about its centre, bilinearly. Parts that leave
 * the square are cut off, and uncovered pixels are black. scaleDown and scaleUp show the whole image smaller (mean over areas) or larger
 * (bilinear), with aligned pixel centres. The side of the view is rounded to one that `sides` allows.
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
      return resized(square, nearestSide(square * (1 - scale), sides));
    case 'scaleUp':
      return resized(square, nearestSide(square * (1 + scale), sides));
  }
}

function moved(size: number, toView: Affine): View {
  const fit = squareFit(size, size, size);
  return {
    size,
    toView,
    show(pixels) {
      if (toView === IDENTITY) return toUnitRange(pixels);
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
    show: (pixels) => toUnitRange(resizeToSquare({ pixels, width: square, height: square, white: 255 }, squareFit(square, square, size))),
  };
}

/** Grey values 0..255 as 0..1. */
export function toUnitRange(pixels: Uint8Array): Float32Array {
  const out = new Float32Array(pixels.length);
  lookUp(pixels, 0, pixels.length, UNIT_LEVELS, out, 0);
  return out;
}

/** Maps pixel centres of a square to pixel centres of another square that shows the same image at another size. */
export function betweenSquares(from: number, to: number): Affine {
  const factor = to / from;
  const offset = factor / 2 - 0.5;
  return [factor, 0, offset, 0, factor, offset];
}

function nearestSide(side: number, { multiple, least }: Sides): number {
  return Math.max(Math.round(side / multiple) * multiple, Math.ceil(least / multiple) * multiple);
}

type Mirror = { readonly leftRight: boolean; readonly topBottom: boolean };

const MIRRORS = {
  identity: { leftRight: false, topBottom: false },
  flipHorizontal: { leftRight: true, topBottom: false },
  flipVertical: { leftRight: false, topBottom: true },
} as const satisfies Partial<Record<TtaName, Mirror>>;

/** A view that only reorders the pixels of the image. */
export type MirrorName = keyof typeof MIRRORS;

export function areMirrors(views: readonly TtaName[]): views is readonly MirrorName[] {
  return views.every((view) => view in MIRRORS);
}

/**
 * Values `[size, size, channels]`, mirrored as the named view mirrors them. Applying it twice returns the input, and the image is centred
 * in the square, so the same call maps the logits of a mirrored image back to the image. Bone classes do not distinguish left and right, so
 * no labels are swapped.
 */
export function mirrored(values: Float32Array, size: number, channels: number, view: MirrorName): Float32Array {
  const { leftRight, topBottom } = MIRRORS[view];
  if (!leftRight && !topBottom) return values;
  const out = new Float32Array(values.length);
  for (let y = 0; y < size; y++) {
    const row = (topBottom ? size - 1 - y : y) * size;
    for (let x = 0; x < size; x++) {
      const from = (row + (leftRight ? size - 1 - x : x)) * channels;
      const to = (y * size + x) * channels;
      for (let channel = 0; channel < channels; channel++) out[to + channel] = values[from + channel] as number;
    }
  }
  return out;
}
