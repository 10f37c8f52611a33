import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { type Radiograph, readRadiograph } from '@carpal/report/dataset/read-radiograph.ts';
import { overlayPng } from '@carpal/report/html/overlay.ts';
import { greyPicture } from '@carpal/report/html/radiographs.ts';
import { findImages, type ImageFile } from '@carpal/report/scoring/image-folder.ts';
import { writeSubmission } from '@carpal/report/scoring/submission-writer.ts';
import { checkWindow } from './network.ts';
import { openNetworks, type WeightsChoice } from './open-networks.ts';
import { fittedSquares } from './sheet-squares.ts';
import { readThresholdsFile } from './thresholds-file.ts';
import type { Viewing } from './viewing.ts';
import { type ClassCut, type MaskVote, voteMasks } from './vote-masks.ts';

export type PredictOptions = {
  /** Their networks vote, whatever their architecture and input size. */
  readonly weights: readonly WeightsChoice[];
  readonly method: MaskVote['method'];
  readonly images: string;
  readonly out: string;
  /** Folder for one overlay an image. */
  readonly overlays?: string;
  /** One threshold for every class, uncleaned, or an ensemble's thresholds.json. */
  readonly thresholds: number | string;
  readonly viewing: Viewing;
  readonly onProgress?: (done: number, total: number) => void;
};

export type Prediction = { readonly images: number; readonly classes: readonly string[]; readonly emptyMasks: number };

/**
 * Masks for images of any size and depth, in the form of a submission, with a row for every image and class. The submission appears under
 * its name when it is whole.
 */
export async function predict(options: PredictOptions): Promise<Prediction> {
  const images = await findImages(options.images);
  const networks = await openNetworks(options.weights);
  try {
    const { viewing, method, thresholds } = options;
    if (viewing.window) checkWindow(networks, viewing.window.size);
    const { classes } = networks[0].facts;
    const cuts =
      typeof thresholds === 'string'
        ? await readThresholdsFile(thresholds, classes)
        : classes.map((): ClassCut => ({ threshold: thresholds, cleaning: 'none' }));
    return await predictImages(images, { method, networks, viewing, cuts }, classes, options);
  } finally {
    for (const network of networks) network.dispose();
  }
}

async function predictImages(
  images: readonly ImageFile[],
  vote: MaskVote,
  classes: readonly string[],
  options: PredictOptions,
): Promise<Prediction> {
  let emptyMasks = 0;
  const overlayNames = overlayNamesOf(images);
  await writeSubmission(options.out, async (writer) => {
    let next = sheetAt(images, 0);
    for (const [index, image] of images.entries()) {
      const sheet = await next;
      // The next image is decoded on a library thread while this one is predicted.
      next = sheetAt(images, index + 1);
      const masks = await voteMasks(vote, fittedSquares(sheet));
      for (const [classIndex, mask] of masks.entries()) {
        if (mask.bounds.length === 0) emptyMasks += 1;
        await writer.write(image.imageName, classes[classIndex] ?? '', mask);
      }
      if (options.overlays !== undefined)
        await writeOverlay(join(options.overlays, overlayNames[index] ?? ''), image.imageName, sheet, classes, masks);
      options.onProgress?.(index + 1, images.length);
    }
  });
  return { images: images.length, classes, emptyMasks };
}

/** The sheet of the image at `index`; none beyond the last. A failure waits until the sheet is asked for. */
function sheetAt(images: readonly ImageFile[], index: number): Promise<Radiograph> {
  const image = images[index];
  const sheet = image ? readRadiograph(image.path) : Promise.reject(new RangeError(`there is no image ${index}`));
  sheet.catch(() => undefined);
  return sheet;
}

/** An image's name with another extension; where images differ by that alone it is kept, so that each has an overlay of its own. */
function overlayNamesOf(images: readonly ImageFile[]): string[] {
  const stems = images.map(({ imageName }) => imageName.replace(/\.[^.]*$/, ''));
  const seen = new Map<string, number>();
  for (const stem of stems) seen.set(stem, (seen.get(stem) ?? 0) + 1);
  return images.map(({ imageName }, index) => `${seen.get(stems[index] ?? '') === 1 ? stems[index] : imageName}.png`);
}

async function writeOverlay(
  path: string,
  title: string,
  sheet: Radiograph,
  classes: readonly string[],
  masks: readonly RleMask[],
): Promise<void> {
  const { width, height } = sheet;
  const found = masks.filter((mask) => mask.bounds.length > 0).length;
  const png = await overlayPng({
    picture: greyPicture(sheet),
    width,
    height,
    classes,
    masks,
    title,
    notes: [`${found} of ${classes.length} bones found`],
  });
  await writeFileAtomically(path, png);
}
