import { join } from 'node:path';
import { type ClassCut, readThresholdsFile } from '@carpal/artifacts/thresholds.ts';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { stemOf } from '@carpal/report/dataset/image-names.ts';
import type { Radiograph } from '@carpal/report/dataset/radiograph.ts';
import { readRadiograph } from '@carpal/report/dataset/read-radiograph.ts';
import { overlayPng } from '@carpal/report/images/overlay.ts';
import { greyPicture } from '@carpal/report/images/radiographs.ts';
import { findImages, type ImageFile } from '@carpal/report/scoring/image-folder.ts';
import { writeSubmission } from '@carpal/report/scoring/submission-writer.ts';
import { fittedSquares } from './image-squares.ts';
import { checkWindow, type Network, openNetworks, type WeightsChoice } from './networks.ts';
import type { Viewing } from './views.ts';
import { type MaskVote, voteMasks } from './vote.ts';

export type PredictOptions = {
  /** The networks that vote. Architectures and input sizes may differ. */
  readonly weights: readonly WeightsChoice[];
  readonly method: MaskVote['method'];
  readonly images: string;
  readonly out: string;
  /** Folder for the overlays, one per image. */
  readonly overlays?: string;
  /** One threshold for every class without cleaning, or the path of an ensemble's thresholds.json. */
  readonly thresholds: number | string;
  readonly viewing: Viewing;
  /** Called once the networks are open and before the first image, with the networks that run together. Throws if memory is not sufficient. */
  readonly checkMemory?: (networks: readonly Network[], viewing: Viewing) => void;
  readonly onProgress?: (done: number, total: number) => void;
};

export type Prediction = { readonly images: number; readonly classes: readonly string[]; readonly emptyMasks: number };

/**
 * Writes masks for images of any size, format and bit depth as a submission, with one row per image and class. The submission file appears only
 * when it is complete. Throws what findImages, openNetworks, checkWindow, checkMemory, readThresholdsFile and readRadiograph throw.
 */
export async function predict(options: PredictOptions): Promise<Prediction> {
  const images = await findImages(options.images);
  const networks = await openNetworks(options.weights);
  try {
    const { viewing, method, thresholds } = options;
    if (viewing.window) checkWindow(networks, viewing.window);
    options.checkMemory?.(networks, viewing);
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
    let next = readImageAt(images, 0);
    for (const [index, image] of images.entries()) {
      const radiograph = await next;
      // sharp decodes the next image on its own thread while this one is predicted.
      next = readImageAt(images, index + 1);
      const masks = await voteMasks(vote, fittedSquares(radiograph));
      for (const [classIndex, mask] of masks.entries()) {
        if (mask.bounds.length === 0) emptyMasks += 1;
        await writer.write(image.imageName, classes[classIndex] ?? '', mask);
      }
      if (options.overlays !== undefined)
        await writeOverlay(join(options.overlays, overlayNames[index] ?? ''), image.imageName, radiograph, classes, masks);
      options.onProgress?.(index + 1, images.length);
    }
  });
  return { images: images.length, classes, emptyMasks };
}

/** The radiograph at `index`. A failure is not reported before the result is awaited. */
function readImageAt(images: readonly ImageFile[], index: number): Promise<Radiograph> {
  const image = images[index];
  const radiograph = image ? readRadiograph(image.path) : Promise.reject(new RangeError(`there is no image ${index}`));
  radiograph.catch(() => undefined);
  return radiograph;
}

/**
 * Each image's name with the extension .png. If names differ only by their extension, the extension is kept, so that overlays do not
 * collide.
 */
function overlayNamesOf(images: readonly ImageFile[]): string[] {
  const stems = images.map(({ imageName }) => stemOf(imageName));
  const seen = new Map<string, number>();
  for (const stem of stems) seen.set(stem, (seen.get(stem) ?? 0) + 1);
  return images.map(({ imageName }, index) => `${seen.get(stems[index] ?? '') === 1 ? stems[index] : imageName}.png`);
}

async function writeOverlay(
  path: string,
  title: string,
  radiograph: Radiograph,
  classes: readonly string[],
  masks: readonly RleMask[],
): Promise<void> {
  const { width, height } = radiograph;
  const found = masks.filter((mask) => mask.bounds.length > 0).length;
  const png = await overlayPng({
    picture: greyPicture(radiograph),
    width,
    height,
    classes,
    masks,
    title,
    notes: [`${found} of ${classes.length} bones found`],
  });
  await writeFileAtomically(path, png);
}
