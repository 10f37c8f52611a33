import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';
import type { TtaName } from '@carpal/configs/schema/experiment.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import type { Runs } from '@carpal/masks/runs.ts';
import { fitImage } from '../data/fit-image.ts';
import { readSheet, type Sheet } from '../data/read-sheet.ts';
import { overlayPng } from '../report/overlay.ts';
import { greyPicture } from '../report/radiographs.ts';
import { findImages, type ImageFile } from './image-folder.ts';
import { checkSameTask, type Network, openNetwork } from './network.ts';
import { softVote } from './soft-vote.ts';
import { writeSubmission } from './submission-writer.ts';

export type PredictOptions = {
  /** Weights files; their networks vote softly. */
  readonly weights: readonly string[];
  readonly images: string;
  readonly out: string;
  /** Folder for one overlay an image. */
  readonly overlays?: string;
  readonly threshold: number;
  readonly views: readonly TtaName[];
  readonly onProgress?: (done: number, total: number) => void;
};

export type Prediction = { readonly images: number; readonly classes: readonly string[]; readonly emptyMasks: number };

/**
 * Masks for images of any size and depth, in the form of a submission, with a row for every image and class. The submission appears under
 * its name when it is whole.
 */
export async function predict(options: PredictOptions): Promise<Prediction> {
  const images = await findImages(options.images);
  const networks: Network[] = [];
  try {
    for (const path of options.weights) networks.push(openNetwork(await readWeightsFile(path), path));
    const [first] = networks;
    if (!first) throw new CarpalError('usage-invalid', 'no weights are given', { where: '--weights' });
    checkSameTask(networks);
    return await predictImages(images, networks, first.facts, options);
  } finally {
    for (const network of networks) network.dispose();
  }
}

type Task = { readonly classes: readonly string[]; readonly inputSize: number };

async function predictImages(
  images: readonly ImageFile[],
  networks: readonly Network[],
  task: Task,
  options: PredictOptions,
): Promise<Prediction> {
  const { classes, inputSize } = task;
  const thresholds = classes.map(() => options.threshold);
  let emptyMasks = 0;
  await writeSubmission(options.out, async (writer) => {
    let next = sheetAt(images, 0);
    for (const [index, image] of images.entries()) {
      const sheet = await next;
      // The next image is decoded on a library thread while this one is predicted.
      next = sheetAt(images, index + 1);
      const { width, height } = sheet;
      const pixels = fitImage(sheet, squareFit(width, height, inputSize));
      const masks = softVote({ networks, views: options.views, thresholds }, { pixels, size: inputSize, width, height });
      for (const [classIndex, mask] of masks.entries()) {
        if (mask.bounds.length === 0) emptyMasks += 1;
        await writer.write(image.imageName, classes[classIndex] ?? '', mask);
      }
      if (options.overlays !== undefined) await writeOverlay(options.overlays, image, sheet, classes, masks);
      options.onProgress?.(index + 1, images.length);
    }
  });
  return { images: images.length, classes, emptyMasks };
}

/** The sheet of the image at `index`; none beyond the last. A failure waits until the sheet is asked for. */
function sheetAt(images: readonly ImageFile[], index: number): Promise<Sheet> {
  const image = images[index];
  const sheet = image ? readSheet(image.path) : Promise.reject(new RangeError(`there is no image ${index}`));
  sheet.catch(() => undefined);
  return sheet;
}

async function writeOverlay(
  folder: string,
  image: ImageFile,
  sheet: Sheet,
  classes: readonly string[],
  masks: readonly Runs[],
): Promise<void> {
  const { width, height } = sheet;
  const found = masks.filter((mask) => mask.bounds.length > 0).length;
  const png = await overlayPng({
    picture: greyPicture(sheet),
    width,
    height,
    classes,
    masks,
    title: image.imageName,
    notes: [`${found} of ${classes.length} bones found`],
  });
  await writeFileAtomically(join(folder, `${image.imageName.replace(/\.[^.]*$/, '')}.png`), png);
}

async function readWeightsFile(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const what = systemErrorCode(cause) === 'ENOENT' ? 'there is no such file' : `the file cannot be read: ${reason}`;
    throw new CarpalError('weights-invalid', what, { where: path, cause });
  });
}
