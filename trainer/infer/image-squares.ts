import { squareFit } from '@carpal/masks/fit.ts';
import { greyRange, type Normalize } from '@carpal/report/dataset/grey-range.ts';
import { largeSide, type PreparedSample, type PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import type { Radiograph } from '@carpal/report/dataset/radiograph.ts';
import { resizeToSquare } from '../data/resize-image.ts';

/**
 * An image fitted to squares of the requested sides, one byte per pixel, with the size of the original image. `normalize` is that of the
 * network that sees the square, `unit` by default; a prepared image ignores it, because it is normalized already.
 */
export type ImageSquares = {
  readonly width: number;
  readonly height: number;
  readonly squareOf: (side: number, normalize?: Normalize) => Uint8Array;
};

/** The largest side of the square that views are rendered from, for networks whose training square has this side. */
export function largestDetail(square: number): number {
  return 2 * square;
}

/**
 * The side of the square that views are rendered from: that of the original image, but at most twice the training square. No view needs
 * more, because an enlarged view is at most 1.5 times as large.
 */
export function detailSide(image: Pick<ImageSquares, 'width' | 'height'>, square: number): number {
  return largeSide(image, largestDetail(square));
}

/** A decoded radiograph as squares. Each side is fitted once for each way to normalize. */
export function fittedSquares(radiograph: Radiograph): ImageSquares {
  const { width, height } = radiograph;
  const fitted = new Map<string, Uint8Array>();
  const squareOf = (side: number, normalize: Normalize = 'unit'): Uint8Array => {
    const key = `${side} ${normalize}`;
    const square = fitted.get(key) ?? resizeToSquare(radiograph, squareFit(width, height, side), greyRange(radiograph, normalize));
    fitted.set(key, square);
    return square;
  };
  return { width, height, squareOf };
}

/**
 * A prepared image at its training size and, if given, at `detailSize` (see detailSizeOf). Throws the errors of the set's readImage.
 */
export async function preparedSquares(prepared: PreparedSet, sample: PreparedSample, detailSize?: number): Promise<ImageSquares> {
  const { width, height } = sample;
  const squares = new Map([[prepared.size, await prepared.readImage(sample)]]);
  if (detailSize !== undefined) squares.set(largeSide(sample, detailSize), await prepared.readImage(sample, detailSize));
  const squareOf = (side: number): Uint8Array => {
    const square = squares.get(side);
    if (!square) throw new RangeError(`the image was not read at ${side} pixels`);
    return square;
  };
  return { width, height, squareOf };
}
