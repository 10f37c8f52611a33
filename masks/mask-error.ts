/** Input that is not a mask, a polygon or a mask text; `position` is the 0-based place in it (a character, a count, a coordinate). */
export class MaskError extends Error {
  readonly position: number | undefined;

  constructor(what: string, position?: number) {
    super(what);
    this.name = 'MaskError';
    this.position = position;
  }
}

/** The longest side of a sheet: two of them still number their pixels in 32 bits, and a row's span packs into one 32-bit key. */
export const MAX_SIDE = 65_535;

/** Throws a MaskError unless both sides are whole numbers from 1 to MAX_SIDE. */
export function checkImageSize(width: number, height: number): void {
  const valid = (side: number): boolean => Number.isInteger(side) && side >= 1 && side <= MAX_SIDE;
  if (!valid(width) || !valid(height)) {
    throw new MaskError(`A sheet's sides must be whole numbers from 1 to ${MAX_SIDE}, not ${width}×${height}.`);
  }
}

/** Throws a MaskError unless both masks lie on sheets of one size. */
export function checkSameSize(a: { width: number; height: number }, b: { width: number; height: number }): void {
  if (a.width !== b.width || a.height !== b.height) {
    throw new MaskError(`The masks lie on sheets of different sizes: ${a.width}×${a.height} and ${b.width}×${b.height}.`);
  }
}
