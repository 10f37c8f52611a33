import { squareFit } from '@carpal/masks/fit.ts';
import type { Radiograph } from '@carpal/report/dataset/read-radiograph.ts';
import { fitImage } from '../data/fit-image.ts';
import type { PreparedSample, PreparedSet } from '../data/prepared.ts';
import type { ImageSquares } from './image-logits.ts';

/** A decoded sheet in the squares that its networks ask for, each fitted once. */
export function fittedSquares(sheet: Radiograph): ImageSquares {
  const { width, height } = sheet;
  const fitted = new Map<number, Uint8Array>();
  const squareOf = (size: number): Uint8Array => {
    const square = fitted.get(size) ?? fitImage(sheet, squareFit(width, height, size));
    fitted.set(size, square);
    return square;
  };
  return { width, height, squareOf };
}

/** A prepared image in the square of one size, the only one that an experiment's networks ask for. Throws as readImage of the set does. */
export async function preparedSquare(prepared: PreparedSet, sample: PreparedSample, size: number): Promise<ImageSquares> {
  const { width, height } = sample;
  const square = await prepared.readImage(sample, size);
  return { width, height, squareOf: () => square };
}
