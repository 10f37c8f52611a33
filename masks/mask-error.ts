/**
 * The error for input that is not a valid mask, polygon or RLE text. `position` is the 0-based index of the problem in it (a character, a
 * count, a coordinate).
 */
export class MaskError extends Error {
  readonly position: number | undefined;

  constructor(what: string, position?: number) {
    super(what);
    this.name = 'MaskError';
    this.position = position;
  }
}

/** The longest side of an image: pixel numbers then fit in 32 bits, and so do the two columns of a packed span. */
export const MAX_SIDE = 65_535;

/** Throws a MaskError unless both sides are integers from 1 to MAX_SIDE. */
export function checkImageSize(width: number, height: number): void {
  const valid = (side: number): boolean => Number.isInteger(side) && side >= 1 && side <= MAX_SIDE;
  if (!valid(width) || !valid(height)) {
    throw new MaskError(`The sides of an image must be integers from 1 to ${MAX_SIDE}, not ${width}×${height}.`);
  }
}

/** Throws a MaskError unless both masks have the same image size. */
export function checkSameSize(a: { width: number; height: number }, b: { width: number; height: number }): void {
  if (a.width !== b.width || a.height !== b.height) {
    throw new MaskError(`The masks belong to images of different sizes: ${a.width}×${a.height} and ${b.width}×${b.height}.`);
  }
}
