import { CarpalError } from '@carpal/configs/errors.ts';
import type { Polygon } from '@carpal/masks/polygon.ts';

/**
 * Polygons as bytes, little endian: how many (uint32), the points of each (uint32), then every x and y (float32: whole pixels are exact,
 * fractions to a thousandth of a pixel on any sheet that is read). Reading it costs a hundredth of reading the JSON.
 */
export function encodePolygons(polygons: readonly Polygon[]): Uint8Array {
  const counts = polygons.map((polygon) => polygon.length / 2);
  const points = counts.reduce((sum, count) => sum + count, 0);
  const bytes = new Uint8Array(4 * (1 + polygons.length + 2 * points));
  new Uint32Array(bytes.buffer, 0, 1 + polygons.length).set([polygons.length, ...counts]);
  const coordinates = new Float32Array(bytes.buffer, 4 * (1 + polygons.length));
  let at = 0;
  for (const polygon of polygons) {
    coordinates.set(polygon, at);
    at += polygon.length;
  }
  return bytes;
}

/** The polygons of {@link encodePolygons}. Throws `prepared-invalid` naming `where` if the bytes are not such a file of `classes` polygons. */
export function decodePolygons(bytes: Uint8Array, classes: number, where: string): Polygon[] {
  const damaged = (what: string): CarpalError => new CarpalError('prepared-invalid', `the polygon file ${what}`, { where });
  if (bytes.byteLength < 4 || bytes.byteLength % 4 !== 0) throw damaged('is cut short');
  // A file's Buffer may begin anywhere within its memory; typed arrays want multiples of four.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
  const header = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
  if (header[0] !== classes) throw damaged(`holds ${header[0]} classes instead of ${classes}`);
  let at = 1 + classes;
  const polygons: Polygon[] = [];
  for (let i = 0; i < classes; i++) {
    const length = 2 * (header[1 + i] ?? 0);
    if (at + length > header.length) throw damaged('is cut short');
    polygons.push(new Float32Array(aligned.buffer, aligned.byteOffset + 4 * at, length));
    at += length;
  }
  if (at !== header.length) throw damaged('is longer than its polygons');
  return polygons;
}
