import type { ExperimentSpec, TtaName } from '@carpal/configs/schema/experiment.ts';
import { cropWindow } from '@carpal/configs/schema/options.ts';
import { type Affine, IDENTITY, rotation, scaling } from '@carpal/masks/warp.ts';
import { detailSide, type ImageSquares, largestDetail } from './image-squares.ts';
import { grey, resizedSquare, rotatedSquare } from './render-view.ts';
import { type WindowSpec, windowStarts } from './windows.ts';

/** How networks see an image: through which test-time views, and whether through sliding windows. */
export type Viewing = {
  readonly views: readonly TtaName[];
  /** Angle of rotateLeft and rotateRight, in degrees. */
  readonly degrees: number;
  /** Relative size change of scaleDown and scaleUp. */
  readonly scale: number;
  /** Absent: the whole image, or for a network that was trained on crops, windows of the size of a crop. */
  readonly window?: WindowSpec;
};

/** The views and windows of a manifest. */
export function viewingOf({ inference: { tta, ttaDegrees, ttaScale, window } }: Pick<ExperimentSpec, 'inference'>): Viewing {
  const views = { views: tta, degrees: ttaDegrees, scale: ttaScale };
  if (!window) return views;
  return { ...views, window };
}

/** What decides the pixels that a network sees of an image. */
export type Sight = {
  /** Side of the square that the network was trained on. */
  readonly inputSize: number;
  /** Side of the square that the whole image was fitted to in training; larger than `inputSize` if the network was trained on crops. */
  readonly imageSize: number;
  /** A side without windows must be a multiple of this. */
  readonly sizeMultiple: number;
};

/** The windows through which a network sees an image. Undefined: the whole image. */
export function windowFor({ window }: Pick<Viewing, 'window'>, { inputSize, imageSize }: Sight): WindowSpec | undefined {
  return window ?? (inputSize < imageSize ? cropWindow(inputSize) : undefined);
}

/** Which side lengths a view may have: multiples of `multiple`, at least `least`. */
export type Sides = { readonly multiple: number; readonly least: number };

/** Windows can be cut from a view of any side that holds one window. Without windows, the network processes the view itself. */
export function sidesFor(viewing: Pick<Viewing, 'window'>, sight: Sight): Sides {
  const window = windowFor(viewing, sight);
  return window ? { multiple: 1, least: window.size } : { multiple: sight.sizeMultiple, least: sight.sizeMultiple };
}

/** How many pixels a network processes for one image, over all views and windows. Inference time grows with this number. */
export function pixelsPerImage(sight: Sight, viewing: Viewing): number {
  const window = windowFor(viewing, sight);
  const sides = sidesFor(viewing, sight);
  const pixels = viewing.views.map((name) => {
    const side = viewOf(name, sight.imageSize, viewing, sides).size;
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
  show(image: ImageSquares): Float32Array;
};

/**
 * The named view of an image in a `square` × `square` grid. identity and the mirrors show the training square. The other views are rendered
 * from the original image (see detailSide), so they are as sharp as the training square and an enlarged view shows more detail. rotateLeft
 * and rotateRight turn the image about its centre in one interpolation. Parts that leave the square are cut off, and uncovered pixels are
 * black. scaleDown and scaleUp show the whole image smaller or larger, with aligned pixel centres: the mean over areas, or bilinear beyond
 * the size of the original. The side of the view is rounded to one that `sides` allows.
 */
export function viewOf(name: TtaName, square: number, { degrees, scale }: Pick<Viewing, 'degrees' | 'scale'>, sides: Sides): View {
  const centre = (square - 1) / 2;
  switch (name) {
    case 'identity':
      return { size: square, toView: IDENTITY, show: (image) => grey(image.squareOf(square)) };
    case 'flipHorizontal':
      return flipped(name, square, scaling(-1, 1, centre, centre));
    case 'flipVertical':
      return flipped(name, square, scaling(1, -1, centre, centre));
    case 'rotateLeft':
      return rotated(square, rotation(-degrees, centre, centre));
    case 'rotateRight':
      return rotated(square, rotation(degrees, centre, centre));
    case 'scaleDown':
      return resized(square, nearestSide(square * (1 - scale), sides));
    case 'scaleUp':
      return resized(square, nearestSide(square * (1 + scale), sides));
  }
}

function flipped(name: MirrorName, size: number, toView: Affine): View {
  return { size, toView, show: (image) => mirrored(grey(image.squareOf(size)), size, 1, name) };
}

function rotated(size: number, toView: Affine): View {
  return {
    size,
    toView,
    show(image) {
      const side = detailSide(image, size);
      return rotatedSquare(image.squareOf(side), side, size, toView);
    },
  };
}

function resized(square: number, size: number): View {
  return {
    size,
    toView: betweenSquares(square, size),
    show(image) {
      const side = detailSide(image, square);
      return resizedSquare(image.squareOf(side), side, size);
    },
  };
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

/** The largest side of the images that views are rendered from, or undefined if the views need only the training square of an image. */
export function detailSizeOf({ views }: Viewing, square: number): number | undefined {
  return areMirrors(views) ? undefined : largestDetail(square);
}

function areMirrors(views: readonly TtaName[]): views is readonly MirrorName[] {
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
