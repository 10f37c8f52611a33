import { MaskError } from './mask-error.ts';
import type { Polygon } from './polygon.ts';

/** [a, b, c, d, e, f]: x' = a x + b y + c, y' = d x + e y + f, in sheet coordinates (pixel centres at whole numbers, y down). */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** Moves nothing. */
export const IDENTITY: Affine = [1, 0, 0, 0, 1, 0];

/** Moves by (x, y). */
export function translation(x: number, y: number): Affine {
  return [1, 0, x, 0, 1, y];
}

/** Turns by `degrees` about a centre, clockwise as seen on the screen (y points down). */
export function rotation(degrees: number, centreX: number, centreY: number): Affine {
  const radians = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(radians), Math.sin(radians)];
  return [cos, -sin, centreX - cos * centreX + sin * centreY, sin, cos, centreY - sin * centreX - cos * centreY];
}

/** Scales by `factorX` and `factorY` about a centre; a negative factor mirrors, so scaling(−1, 1, (width − 1) / 2, 0) flips left and right. */
export function scaling(factorX: number, factorY: number, centreX: number, centreY: number): Affine {
  return [factorX, 0, centreX - factorX * centreX, 0, factorY, centreY - factorY * centreY];
}

/** The map that does `first` and then `second`. */
export function compose(second: Affine, first: Affine): Affine {
  const [a, b, c, d, e, f] = second;
  const [p, q, r, s, t, u] = first;
  return [a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f];
}

/** The map that undoes this one; MaskError if it presses the plane flat, so that nothing can undo it. */
export function invert(affine: Affine): Affine {
  const [a, b, c, d, e, f] = affine;
  const determinant = a * e - b * d;
  if (determinant === 0 || !Number.isFinite(determinant)) throw new MaskError(`The affine map [${affine.join(', ')}] has no inverse.`);
  const [p, q, s, t] = [e / determinant, -b / determinant, -d / determinant, a / determinant];
  return [p, q, -(p * c + q * f), s, t, -(s * c + t * f)];
}

/** The polygon with every vertex moved by the map; a new array, unrounded. */
export function warpPolygon(polygon: Polygon, affine: Affine): Float64Array {
  const [a, b, c, d, e, f] = affine;
  const warped = new Float64Array(polygon.length);
  for (let i = 0; i + 1 < polygon.length; i += 2) {
    const x = polygon[i] as number;
    const y = polygon[i + 1] as number;
    warped[i] = a * x + b * y + c;
    warped[i + 1] = d * x + e * y + f;
  }
  return warped;
}
