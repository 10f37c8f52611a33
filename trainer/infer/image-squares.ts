import { squareFit } from '@carpal/masks/fit.ts';
import type { PreparedSample, PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import type { Radiograph } from '@carpal/report/dataset/read-radiograph.ts';
import { resizeToSquare } from '../data/resize-image.ts';

/** An image fitted to squares of the requested sizes, one byte per pixel, with the size of the original image. */
export type ImageSquares = { readonly width: number; readonly height: number; readonly squareOf: (size: number) => Uint8Array };

/** A decoded radiograph as squares. Each size is fitted once. */
export function fittedSquares(radiograph: Radiograph): ImageSquares {
  const { width, height } = radiograph;
  const fitted = new Map<number, Uint8Array>();
  const squareOf = (size: number): Uint8Array => {
    const square = fitted.get(size) ?? resizeToSquare(radiograph, squareFit(width, height, size));
    fitted.set(size, square);
    return square;
  };
  return { width, height, squareOf };
}

/** A prepared image at `size`, the only size that the networks of one experiment request. Throws the errors of the set's readImage. */
export async function preparedSquare(prepared: PreparedSet, sample: PreparedSample, size: number): Promise<ImageSquares> {
  const { width, height } = sample;
  const square = await prepared.readImage(sample, size);
  return { width, height, squareOf: () => square };
}
