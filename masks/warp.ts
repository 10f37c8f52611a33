import type { Polygon } from './fill-polygon.ts';
import { MaskError } from './mask-error.ts';
import { fieldSource, fieldTarget, type Place, type WarpField } from './warp-field.ts';

/** [a, b, c, d, e, f]: x' = a x + b y + c, y' = d x + e y + f, in image coordinates (pixel centres are integers, y points down). */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** The map that moves nothing. */
export const IDENTITY: Affine = [1, 0, 0, 0, 1, 0];

/** Moves by (x, y). */
export function translation(x: number, y: number): Affine {
  return [1, 0, x, 0, 1, y];
}

/** Rotates by `degrees` around a centre, clockwise as seen on the screen (y points down). */
export function rotation(degrees: number, centreX: number, centreY: number): Affine {
  const radians = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(radians), Math.sin(radians)];
  return [cos, -sin, centreX - cos * centreX + sin * centreY, sin, cos, centreY - sin * centreX - cos * centreY];
}

/**
 * Scales by `factorX` and `factorY` around a centre. A negative factor mirrors: scaling(−1, 1, (width − 1) / 2, 0) flips left and right.
 */
export function scaling(factorX: number, factorY: number, centreX: number, centreY: number): Affine {
  return [factorX, 0, centreX - factorX * centreX, 0, factorY, centreY - factorY * centreY];
}

/** The map that applies `first` and then `second`. */
export function compose(second: Affine, first: Affine): Affine {
  const [a, b, c, d, e, f] = second;
  const [p, q, r, s, t, u] = first;
  return [a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f];
}

/** The inverse map. Throws a MaskError if the map projects the plane onto a line or a point. */
export function invert(affine: Affine): Affine {
  const [a, b, c, d, e, f] = affine;
  const determinant = a * e - b * d;
  if (determinant === 0 || !Number.isFinite(determinant)) throw new MaskError(`The affine map [${affine.join(', ')}] has no inverse.`);
  const [p, q, s, t] = [e / determinant, -b / determinant, -d / determinant, a / determinant];
  return [p, q, -(p * c + q * f), s, t, -(s * c + t * f)];
}

/** The polygon with every vertex moved by the map, as a new array, not rounded. */
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

/** Maps of the image that are applied from first to last; neighbouring affine maps are composed. Empty: nothing moves. */
export type Warp = readonly (Affine | WarpField)[];

/** Whether a step is a warp field rather than an affine map. */
export function isField(step: Affine | WarpField): step is WarpField {
  return 'spacing' in step;
}

/** The warp that applies `warp` and then `step`. */
export function joinWarp(warp: Warp, step: Affine | WarpField): Warp {
  const last = warp.at(-1);
  if (last === undefined || isField(last) || isField(step)) return [...warp, step];
  return [...warp.slice(0, -1), compose(step, last)];
}

/**
 * Returns a function that writes to `into` the place from which a place in the warped image comes. Throws a MaskError if an affine step has
 * no inverse.
 */
export function warpSource(warp: Warp): (x: number, y: number, into: Place) => void {
  const back = warp.toReversed().map((step) => (isField(step) ? step : invert(step)));
  return (x, y, into) => {
    into.x = x;
    into.y = y;
    for (const step of back) {
      if (isField(step)) fieldSource(step, into.x, into.y, into);
      else move(step, into);
    }
  };
}

function move([a, b, c, d, e, f]: Affine, place: Place): void {
  const { x, y } = place;
  place.x = a * x + b * y + c;
  place.y = d * x + e * y + f;
}

/**
 * The polygon in the warped image, as a new array, not rounded. Before a field, edges longer than `longestEdge` image pixels are cut into
 * parts, so that they bend with the image instead of staying straight between distant vertices.
 */
export function warpOutline(polygon: Polygon, warp: Warp, longestEdge: number): Float64Array {
  let outline: Float64Array = Float64Array.from(polygon);
  for (const step of warp) outline = isField(step) ? bend(cutEdges(outline, longestEdge), step) : warpPolygon(outline, step);
  return outline;
}

function bend(outline: Float64Array, field: WarpField): Float64Array {
  const place: Place = { x: outline[0] ?? 0, y: outline[1] ?? 0 };
  let [moveX, moveY] = [0, 0];
  for (let i = 0; i + 1 < outline.length; i += 2) {
    const [x, y] = [outline[i] as number, outline[i + 1] as number];
    // The previous vertex moved by nearly the same amount, so this is the best available guess.
    place.x = x + moveX;
    place.y = y + moveY;
    fieldTarget(field, x, y, place);
    moveX = place.x - x;
    moveY = place.y - y;
    outline[i] = place.x;
    outline[i + 1] = place.y;
  }
  return outline;
}

/** The same closed outline without edges longer than `longest`. */
export function cutEdges(outline: Float64Array, longest: number): Float64Array {
  const cut: number[] = [];
  for (let i = 0; i + 1 < outline.length; i += 2) {
    const next = i + 3 < outline.length ? i + 2 : 0;
    const [x, y] = [outline[i] as number, outline[i + 1] as number];
    const [alongX, alongY] = [(outline[next] as number) - x, (outline[next + 1] as number) - y];
    const parts = Math.max(1, Math.ceil(Math.hypot(alongX, alongY) / longest));
    for (let part = 0; part < parts; part++) cut.push(x + (alongX * part) / parts, y + (alongY * part) / parts);
  }
  return Float64Array.from(cut);
}
