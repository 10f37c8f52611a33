import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE } from '@carpal/configs/names.ts';
import type { AugmentationSpec } from '@carpal/configs/schema/experiment.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import {
  checkImage,
  decodePolygons,
  type PreparedSample,
  parseIndex,
  preparedImageFile,
  preparedPolygonFile,
} from '@carpal/report/dataset/prepared-set.ts';
import { ImageAugmenter } from './augment-image.ts';
import { augmentationRandom, carpalIndexes, drawAugmentation } from './augmentations.ts';
import { fillTarget, type TargetRule } from './fill-target.ts';

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
  /** False keeps the order of the samples. */
  readonly shuffle?: boolean;
  /** The number of batches made ahead of the one in use; default 2. */
  readonly ahead?: number;
};

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
  readonly #size: number;
  readonly #carpals: ReadonlySet<number>;
  readonly #augmenter: ImageAugmenter;
  #step: number;

  /** Throws `prepared-invalid` if the set cannot be read or has another number of classes. */
  constructor(request: BatchRequest) {
    const path = join(request.prepared, FILE.preparedIndex);
    const { size, classes } = parseIndex(readPart(path).toString('utf8'), path);
    if (classes.length !== request.classes) {
      throw new CarpalError('prepared-invalid', `the set has ${classes.length} classes instead of ${request.classes}`, { where: path });
    }
    this.#request = request;
    this.#size = size;
    this.#carpals = carpalIndexes(classes);
    this.#augmenter = new ImageAugmenter(size);
    this.#step = request.startStep ?? 0;
  }

  /** The index of the batch that {@link next} makes. */
  get step(): number {
    return this.#step;
  }

  /** The next batch, in the given buffers if there are any; undefined after the last one. The last batch may have fewer samples. */
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
    const { prepared, classes, seed, epoch, augmentations = [], targets = 'area' } = this.#request;
    const imageFile = join(prepared, preparedImageFile(sample.imageName));
    const pixels = readPart(imageFile);
    checkImage(pixels, this.#size, imageFile);
    const polygonFile = join(prepared, preparedPolygonFile(sample.imageName));
    const polygons = sample.half === 'test' ? [] : decodePolygons(readPart(polygonFile), classes, polygonFile);

    const subject = { ...sample, carpals: polygons.filter((_, index) => this.#carpals.has(index)) };
    const drawn = drawAugmentation(augmentations, subject, augmentationRandom(seed, epoch, sample.imageName));
    const fit = squareFit(sample.width, sample.height, this.#size);
    this.#augmenter.run(pixels, fit, drawn.passes, image);
    fillTarget(polygons, sample, fit, drawn, target, targets);
  }
}

function readPart(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CarpalError('prepared-invalid', 'a file of the prepared set cannot be read', { where: path, cause });
  }
}
