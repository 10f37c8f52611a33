import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { readError } from '@carpal/configs/file-errors.ts';
import { FILE } from '@carpal/configs/names.ts';
import { inputSchema } from '@carpal/configs/schema/learning.ts';
import type { Polygon } from '@carpal/masks/fill-polygon.ts';
import type { Normalize } from './grey-range.ts';

/** The format version of a prepared set. Sets with another version are not read: after an increase, every set is prepared again. */
export const PREPARED_VERSION = 1;

/**
 * One image of a prepared set. `width` and `height` are those of the original radiograph; its polygons and its rows of a submission use
 * that size.
 */
export type PreparedSample = {
  readonly imageName: string;
  readonly group: string;
  readonly half: 'train' | 'test';
  readonly width: number;
  readonly height: number;
  /** Area of all bones as a fraction of the image; absent in the test half. */
  readonly boneArea?: number;
  readonly sex?: string;
  readonly heightCm?: number;
};

export type PreparedIndex = {
  readonly version: number;
  readonly hash: string;
  readonly size: number;
  /** Images are also kept for views in a larger square, of {@link largeSide} with this limit; absent in a set without such images. */
  readonly detailSize?: number;
  readonly normalize: Normalize;
  /** Class names in order. */
  readonly classes: readonly string[];
  readonly samples: readonly PreparedSample[];
};

export type PreparedSet = Omit<PreparedIndex, 'version'> & {
  readonly folder: string;
  /**
   * The grey image as a square, one byte per pixel, row by row. `size` is the side, the training size, or the set's `detailSize`: then the
   * side is {@link largeSide}. Throws `prepared-invalid`, or `artifact-missing` for another size.
   */
  readImage(sample: PreparedSample, size?: number): Promise<Uint8Array>;
  /** Throws `artifact-missing` unless the set has its images at this size. */
  checkSize(size: number): void;
  /** One polygon per class, in pixels of the radiograph. Empty for a missing class and in the test half. */
  readPolygons(sample: PreparedSample): Promise<Polygon[]>;
};

/** The side of the square in which an image is kept for views: that of the original image, but at most `limit`. */
export function largeSide({ width, height }: { readonly width: number; readonly height: number }, limit: number): number {
  return Math.min(limit, Math.max(width, height));
}

/** Paths of an image's files below the folder of the set. */
export function preparedImageFile(imageName: string): string {
  return `images/${imageName}.u8`;
}
export function preparedLargeImageFile(imageName: string): string {
  return `large/${imageName}.u8`;
}
export function preparedPolygonFile(imageName: string): string {
  return `polygons/${imageName}.f32`;
}

/** Opens the prepared set in a local folder. Throws `prepared-invalid` if it is missing or damaged. */
export async function openPrepared(folder: string): Promise<PreparedSet> {
  const path = join(folder, FILE.preparedIndex);
  const { version: _, ...index } = parseIndex((await readPart(path)).toString('utf8'), path);
  const { size, detailSize, classes } = index;
  const checkSize = (side: number): void => {
    if (side === size || side === detailSize) return;
    const sizes = detailSize === undefined ? `${size}` : `${size} and ${detailSize}`;
    throw new CarpalError('artifact-missing', `the data set was prepared at ${sizes} pixels, not at ${side}`, {
      where: path,
      fix: 'Run carpal prepare again with this manifest.',
    });
  };
  return {
    folder,
    ...index,
    checkSize,
    async readImage(sample, wanted = size) {
      checkSize(wanted);
      const side = wanted === size ? size : largeSide(sample, wanted);
      const file = join(folder, side === size ? preparedImageFile(sample.imageName) : preparedLargeImageFile(sample.imageName));
      const bytes = await readPart(file);
      checkImage(bytes, side, file);
      return bytes;
    },
    async readPolygons(sample) {
      if (sample.half === 'test') return classes.map(() => new Float32Array(0));
      const file = join(folder, preparedPolygonFile(sample.imageName));
      return decodePolygons(await readPart(file), classes.length, file);
    },
  };
}

/** Throws `prepared-invalid` unless the bytes are one square image of this size. */
export function checkImage(bytes: Uint8Array, size: number, where: string): void {
  checkImageLength(bytes.byteLength, size, where);
}

/** Throws `prepared-invalid` unless one square image of this size has so many bytes. */
export function checkImageLength(byteLength: number, size: number, where: string): void {
  if (byteLength === size * size) return;
  throw new CarpalError('prepared-invalid', `the image has ${byteLength} bytes instead of ${size * size}`, { where });
}

const isNormalize = (value: unknown): value is Normalize => inputSchema.shape.normalize.unwrap().safeParse(value).success;

/** Parses the index of a prepared set and checks the fields that its readers use. */
export function parseIndex(text: string, where: string): PreparedIndex {
  let index: Partial<PreparedIndex>;
  try {
    index = JSON.parse(text) as Partial<PreparedIndex>;
  } catch (cause) {
    throw new CarpalError('prepared-invalid', 'the index is not JSON', { where, cause });
  }
  const { version, hash, size, detailSize, normalize, classes, samples } = index ?? {};
  if (version !== PREPARED_VERSION)
    throw new CarpalError('prepared-invalid', `the index has version ${version} instead of ${PREPARED_VERSION}`, { where });
  if (
    typeof hash !== 'string' ||
    typeof size !== 'number' ||
    !isNormalize(normalize) ||
    !Array.isArray(classes) ||
    !Array.isArray(samples)
  ) {
    throw new CarpalError('prepared-invalid', 'the index must have hash, size, normalize, classes and samples', { where });
  }
  return { version, hash, size, ...(typeof detailSize === 'number' ? { detailSize } : {}), normalize, classes, samples };
}

async function readPart(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    throw readError(
      cause,
      path,
      () => new CarpalError('prepared-invalid', 'a file of the prepared set cannot be read', { where: path, cause }),
    );
  });
}

/**
 * Encodes polygons, little endian: their number (uint32), the number of points of each (uint32), then every x and y (float32, which is
 * exact for whole pixels and accurate to a thousandth of a pixel for fractions). Reading this takes a hundredth of the time that reading
 * the JSON takes.
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

/**
 * Decodes the bytes of {@link encodePolygons}. Throws `prepared-invalid` with the place `where` unless the bytes contain `classes`
 * polygons.
 */
export function decodePolygons(bytes: Uint8Array, classes: number, where: string): Polygon[] {
  const damaged = (what: string): CarpalError => new CarpalError('prepared-invalid', `the polygon file ${what}`, { where });
  if (bytes.byteLength < 4 || bytes.byteLength % 4 !== 0) throw damaged('is truncated');
  // A Buffer may start at any offset of its memory, but typed arrays need a multiple of four.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
  const header = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
  if (header[0] !== classes) throw damaged(`holds ${header[0]} classes instead of ${classes}`);
  let at = 1 + classes;
  const polygons: Polygon[] = [];
  for (let i = 0; i < classes; i++) {
    const length = 2 * (header[1 + i] ?? 0);
    if (at + length > header.length) throw damaged('is truncated');
    polygons.push(new Float32Array(aligned.buffer, aligned.byteOffset + 4 * at, length));
    at += length;
  }
  if (at !== header.length) throw damaged('has data after its polygons');
  return polygons;
}
