import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE } from '@carpal/configs/names.ts';
import { polygonCoverage } from '@carpal/masks/coverage.ts';
import { type Fit, squareFit } from '@carpal/masks/fit.ts';
import type { Polygon } from '@carpal/masks/polygon.ts';
import { type Affine, compose, IDENTITY, translation, warpPolygon } from '@carpal/masks/warp.ts';
import { randomFor } from '../random.ts';
import { addNoise } from './add-noise.ts';
import { type DrawnAugmentation, drawAugmentation } from './augmentations.ts';
import type { BatchBuffers, BatchRequest } from './batch-request.ts';
import { decodePolygons } from './polygon-file.ts';
import { checkImage, type PreparedSample, parseIndex, preparedImageFile, preparedPolygonFile } from './prepared.ts';
import { warpImage, warpScratch } from './warp-image.ts';

export type MadeBatch = { readonly size: number; readonly count: number; readonly buffers: BatchBuffers };

/**
 * Makes the batches of one epoch, one by one. What an image gets depends on seed, epoch and its name alone, so batches are the same in
 * whatever order, on whatever thread and after whatever resume they are made. Reads files synchronously: it is meant for a worker thread.
 */
export class BatchMaker {
  readonly #request: BatchRequest;
  readonly #size: number;
  readonly #scratch: Float32Array;
  #step: number;

  /** Throws `prepared-invalid` if the set cannot be read or has other classes. */
  constructor(request: BatchRequest) {
    const path = join(request.prepared, FILE.preparedIndex);
    const { size, classes } = parseIndex(readPart(path).toString('utf8'), path);
    if (classes.length !== request.classes) {
      throw new CarpalError('prepared-invalid', `the set has ${classes.length} classes instead of ${request.classes}`, { where: path });
    }
    this.#request = request;
    this.#size = size;
    this.#scratch = warpScratch(size);
    this.#step = request.startStep;
  }

  /** The step that {@link next} makes. */
  get step(): number {
    return this.#step;
  }

  /** The next batch, in the buffers given if there are some; undefined behind the last one, which may hold fewer samples. */
  next(buffers?: BatchBuffers): MadeBatch | undefined {
    const { samples, batchSize, classes } = this.#request;
    const members = samples.slice(this.#step * batchSize, (this.#step + 1) * batchSize);
    if (members.length === 0) return undefined;
    const pixels = this.#size * this.#size;
    const into = buffers ?? { images: new Float32Array(batchSize * pixels), targets: new Uint8Array(batchSize * pixels * classes) };
    into.targets.fill(0);
    members.forEach((sample, index) => {
      this.#fill(
        sample,
        into.images.subarray(index * pixels, (index + 1) * pixels),
        into.targets.subarray(index * pixels * classes, (index + 1) * pixels * classes),
      );
    });
    this.#step++;
    return { size: this.#size, count: members.length, buffers: into };
  }

  #fill(sample: PreparedSample, image: Float32Array, target: Uint8Array): void {
    const { prepared, classes, seed, epoch, augmentations } = this.#request;
    const random = randomFor(seed, 'augment', epoch, sample.imageName);
    const drawn = drawAugmentation(augmentations, sample, random);
    const fit = squareFit(sample.width, sample.height, this.#size);

    const imageFile = join(prepared, preparedImageFile(sample.imageName));
    const pixels = readPart(imageFile);
    checkImage(pixels, this.#size, imageFile);
    this.#fillImage(pixels, fit, drawn, image);
    if (drawn.noise > 0) addNoise(image, 0, image.length, drawn.noise, random);

    if (sample.half === 'test') return;
    const polygonFile = join(prepared, preparedPolygonFile(sample.imageName));
    fillTarget(decodePolygons(readPart(polygonFile), classes, polygonFile), sample, fit, drawn.geometry, target);
  }

  #fillImage(pixels: Uint8Array, fit: Fit, { geometry, levels }: DrawnAugmentation, image: Float32Array): void {
    if (geometry) warpImage(pixels, { fit, geometry, levels, scratch: this.#scratch }, image, 0);
    else for (let i = 0; i < image.length; i++) image[i] = levels[pixels[i] as number] as number;
  }
}

/**
 * Every polygon as coverage in its channel. A moved polygon may come to lie beside the sheet but within the square, where the moved
 * image shows it too, so it is filled on a sheet that is as large as the square; an unmoved one ends where its sheet ends, as its truth does.
 */
function fillTarget(
  polygons: readonly Polygon[],
  sheet: { width: number; height: number },
  fit: Fit,
  geometry: Affine | undefined,
  target: Uint8Array,
): void {
  const canvas = geometry ? squareCanvas(sheet, fit) : { ...sheet, fit, move: IDENTITY };
  const movement = geometry && compose(canvas.move, geometry);
  polygons.forEach((polygon, channel) => {
    if (polygon.length === 0) return;
    const outline = movement ? warpPolygon(polygon, movement) : polygon;
    polygonCoverage(outline, canvas.width, canvas.height, canvas.fit, target, channel, polygons.length);
  });
}

/** A sheet that covers the whole square: where it is, how it lies, and how far the old sheet's coordinates move. Whole pixels only. */
function squareCanvas(
  { width, height }: { width: number; height: number },
  fit: Fit,
): { width: number; height: number; fit: Fit; move: Affine } {
  const [left, top] = [Math.ceil(-fit.offsetX), Math.ceil(-fit.offsetY)];
  return {
    width: width + 2 * left,
    height: height + 2 * top,
    fit: { ...fit, offsetX: fit.offsetX + left, offsetY: fit.offsetY + top },
    move: translation(left, top),
  };
}

function readPart(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CarpalError('prepared-invalid', 'a file of the prepared set cannot be read', { where: path, cause });
  }
}
