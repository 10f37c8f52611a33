import { openStore } from '@carpal/artifacts/open-store.ts';
import { datasetFolder } from '@carpal/configs/dataset-folder.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import sharp from 'sharp';
import { discoverDataset } from '../dataset/discover.ts';
import { plainName } from '../dataset/image-names.ts';
import { isInS3 } from '../dataset/open-dataset.ts';
import type { PreparedSample, PreparedSet } from '../dataset/prepared-set.ts';
import type { Radiograph } from '../dataset/radiograph.ts';
import { readRadiograph } from '../dataset/read-radiograph.ts';
import type { GreyPicture } from './overlay.ts';

/** The source of images for overlays. */
export type Radiographs = { pictureOf(sample: PreparedSample): Promise<GreyPicture> };

/**
 * Opens the images for overlays: the original radiographs if the data set is available, otherwise the images at training size, cropped from
 * their square. A missing image must not fail a report, so an original that cannot be read is also replaced by the smaller image.
 * `onTransfer` is called whenever a part of an original has arrived.
 */
export async function openRadiographs(
  datasetUri: string,
  prepared: PreparedSet,
  onTransfer: () => void = () => undefined,
): Promise<Radiographs> {
  const originals = await originalsOf(datasetUri, onTransfer);
  return {
    async pictureOf(sample) {
      const radiograph = await readOriginal(originals.get(sample.imageName));
      const isSame = radiograph?.width === sample.width && radiograph.height === sample.height;
      return radiograph && isSame ? greyPicture(radiograph) : cutOut(await prepared.readImage(sample), prepared.size, sample);
    },
  };
}

/** Converts a radiograph of any bit depth to bytes. */
export function greyPicture({ pixels, white, width, height }: Radiograph): GreyPicture {
  return {
    pixels: pixels instanceof Uint8Array ? pixels : Uint8Array.from(pixels, (value) => Math.round((value / white) * 255)),
    width,
    height,
  };
}

/** Returns a local path of an image, and downloads it first if the data set is remote: a report shows only a few images. */
type Original = () => Promise<string>;

async function readOriginal(original: Original | undefined): Promise<Radiograph | undefined> {
  try {
    return original && (await readRadiograph(await original()));
  } catch {
    return undefined;
  }
}

async function originalsOf(uri: string, onTransfer: () => void): Promise<ReadonlyMap<string, Original>> {
  try {
    if (isInS3(uri)) return await originalsInS3(uri, onTransfer);
    const { train, test } = await discoverDataset(datasetFolder(uri));
    return new Map([...train, ...test].map(({ imageName, imagePath }) => [imageName, async () => imagePath]));
  } catch {
    return new Map();
  }
}

async function originalsInS3(uri: string, onTransfer: () => void): Promise<ReadonlyMap<string, Original>> {
  const store = openStore(uri);
  store.onTransfer(onTransfer);
  const originals = new Map<string, Original>();
  for (const half of ['train/DCM', 'test/DCM']) {
    for (const { key } of await store.list(half))
      originals.set(plainName(key.slice(key.lastIndexOf('/') + 1)), async () => store.checkout(key));
  }
  return originals;
}

/** The part of a training square that the radiograph covers. */
async function cutOut(square: Uint8Array, size: number, { width, height }: PreparedSample): Promise<GreyPicture> {
  const fit = squareFit(width, height, size);
  const region = {
    left: Math.min(size - 1, Math.round(-fit.offsetX / fit.scale)),
    top: Math.min(size - 1, Math.round(-fit.offsetY / fit.scale)),
    width: Math.max(1, Math.round(width / fit.scale)),
    height: Math.max(1, Math.round(height / fit.scale)),
  };
  const { data, info } = await sharp(square, { raw: { width: size, height: size, channels: 1 } })
    .extract({ ...region, width: Math.min(region.width, size - region.left), height: Math.min(region.height, size - region.top) })
    .toColourspace('b-w')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { pixels: data, width: info.width, height: info.height };
}
