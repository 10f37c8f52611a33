import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE } from '@carpal/configs/names.ts';
import type { AugmentationSpec, CropSpec } from '@carpal/configs/schema/experiment.ts';
import { type Crop, squareFit } from '@carpal/masks/fit.ts';
import {
  checkImage,
  checkImageLength,
  decodePolygons,
  type PreparedSample,
  parseIndex,
  preparedImageFile,
  preparedPolygonFile,
} from '@carpal/report/dataset/prepared-set.ts';
import { ImageAugmenter } from './augment-image.ts';
import { augmentationRandom, carpalIndexes, drawAugmentation } from './augmentations.ts';
import { cropRandom, drawCrop } from './draw-crop.ts';
import { fillCrop, fillTarget, type TargetRule, warpedOutlines } from './fill-target.ts';

/** One epoch of batches. */
export type BatchOptions = {
  /** Local folder of the prepared set. */
  readonly prepared: string;
  readonly samples: readonly PreparedSample[];
  readonly batchSize: number;
  /** The number of classes of the set. */
  readonly classes: number;
  readonly seed: number;
  readonly epoch: number;
  /** The index of the first batch to make, when an interrupted epoch continues; default 0. */
  readonly startStep?: number;
  readonly augmentations?: readonly AugmentationSpec[];
  /** The meaning of a target pixel; default: area. */
  readonly targets?: TargetRule;
  /** What the network sees of an image; default: the whole image at the size of the set. */
  readonly parts?: Parts;
  /** False keeps the order of the samples, as windows always do. */
  readonly shuffle?: boolean;
  /** The number of batches made ahead of the one in use; default 2. */
  readonly ahead?: number;
};

/**
 * Parts of the prepared images, all of `size` pixels: one crop per sample that is drawn again in each epoch, or the same windows of every
 * sample. With windows, every sample is listed once for each window, in the order of the windows.
 */
export type Parts = { readonly size: number } & (
  | { readonly kind: 'crop'; readonly sampling: CropSpec['sampling'] }
  | { readonly kind: 'windows'; readonly windows: readonly Crop[] }
);

/** What a worker needs to make one epoch; `samples` are in batch order. */
export type BatchRequest = Omit<BatchOptions, 'shuffle' | 'ahead'>;

/** The memory of one batch, which the two threads pass back and forth. The worker allocates missing ones. */
export type BatchBuffers = { readonly images: Float32Array<ArrayBuffer>; readonly targets: Uint8Array<ArrayBuffer> };

export type MadeBatch = { readonly size: number; readonly count: number; readonly buffers: BatchBuffers };

/**
 * Makes the batches of one epoch one by one. The content of an image depends only on seed, epoch and image name, so batches are the same in
 * any order, on any thread and after any resume. Reads files synchronously: it is meant for a worker thread.
 */
export class BatchMaker {
  readonly #request: BatchRequest;
  /** Side of the prepared images. */
  readonly #preparedSize: number;
  /** Side of the images of a batch. */
  readonly #size: number;
  readonly #carpals: ReadonlySet<number>;
  readonly #augmenter: ImageAugmenter;
  #step: number;

  /** Throws `prepared-invalid` if the set cannot be read, has another number of classes, or smaller images than the parts. */
  constructor(request: BatchRequest) {
    const path = join(request.prepared, FILE.preparedIndex);
    const { size, classes } = parseIndex(readPart(path).toString('utf8'), path);
    if (classes.length !== request.classes) {
      throw new CarpalError('prepared-invalid', `the set has ${classes.length} classes instead of ${request.classes}`, { where: path });
    }
    const shown = request.parts?.size ?? size;
    if (shown > size)
      throw new CarpalError('prepared-invalid', `the images of the set have ${size} px, less than a crop of ${shown} px`, { where: path });
    this.#request = request;
    this.#preparedSize = size;
    this.#size = shown;
    this.#carpals = carpalIndexes(classes);
    this.#augmenter = new ImageAugmenter(shown);
    this.#step = request.startStep ?? 0;
  }

  /** The index of the batch that {@link next} makes. */
  get step(): number {
    return this.#step;
  }

  /** The next batch, in the given buffers if there are any; undefined after the last one. The last batch may have fewer samples. */
  next(buffers?: BatchBuffers): MadeBatch | undefined {
    const { samples, batchSize, classes } = this.#request;
    const first = this.#step * batchSize;
    const members = samples.slice(first, first + batchSize);
    if (members.length === 0) return undefined;
    const pixels = this.#size * this.#size;
    const into = buffers ?? { images: new Float32Array(batchSize * pixels), targets: new Uint8Array(batchSize * pixels * classes) };
    into.targets.fill(0);
    members.forEach((sample, index) => {
      this.#fill(
        sample,
        first + index,
        into.images.subarray(index * pixels, (index + 1) * pixels),
        into.targets.subarray(index * pixels * classes, (index + 1) * pixels * classes),
      );
    });
    this.#step++;
    return { size: this.#size, count: members.length, buffers: into };
  }

  /** Makes the sample at a place of the epoch. */
  #fill(sample: PreparedSample, place: number, image: Float32Array, target: Uint8Array): void {
    const { prepared, classes, seed, epoch, augmentations = [], targets = 'area', parts } = this.#request;
    const imageFile = join(prepared, preparedImageFile(sample.imageName));
    const polygonFile = join(prepared, preparedPolygonFile(sample.imageName));
    const polygons = sample.half === 'test' ? [] : decodePolygons(readPart(polygonFile), classes, polygonFile);

    const subject = { ...sample, carpals: polygons.filter((_, index) => this.#carpals.has(index)) };
    const drawn = drawAugmentation(augmentations, subject, augmentationRandom(seed, epoch, sample.imageName));
    const fit = squareFit(sample.width, sample.height, this.#preparedSize);
    if (parts === undefined) {
      const pixels = readPart(imageFile);
      checkImage(pixels, this.#preparedSize, imageFile);
      this.#augmenter.run(pixels, fit, drawn.passes, image);
      fillTarget(polygons, sample, fit, drawn, target, targets);
      return;
    }
    const moved = warpedOutlines(polygons, sample, fit, drawn.warp);
    const crop =
      parts.kind === 'windows'
        ? (parts.windows[place % parts.windows.length] as Crop)
        : drawCrop(parts, { moved, carpals: this.#carpals, image: sample, fit }, cropRandom(seed, epoch, sample.imageName));
    const readRows = (top: number, bottom: number): Uint8Array => readImageRows(imageFile, this.#preparedSize, top, bottom);
    this.#augmenter.runCrop(readRows, fit, drawn, crop, image);
    fillCrop(moved, crop, target, targets);
  }
}

function readPart(path: string): Buffer {
  return read(path, () => readFileSync(path));
}

/** Rows of a prepared image of `size` × `size` bytes. The rest of the file is not read. */
function readImageRows(path: string, size: number, top: number, bottom: number): Uint8Array {
  return read(path, () => {
    const file = openSync(path, 'r');
    try {
      checkImageLength(fstatSync(file).size, size, path);
      const rows = new Uint8Array((bottom - top) * size);
      for (let done = 0; done < rows.length; ) {
        const count = readSync(file, rows, done, rows.length - done, top * size + done);
        if (count === 0) checkImageLength(top * size + done, size, path);
        done += count;
      }
      return rows;
    } finally {
      closeSync(file);
    }
  });
}

function read<Result>(path: string, from: () => Result): Result {
  try {
    return from();
  } catch (cause) {
    if (cause instanceof CarpalError) throw cause;
    throw new CarpalError('prepared-invalid', 'a file of the prepared set cannot be read', { where: path, cause });
  }
}
