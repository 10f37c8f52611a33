import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { IMAGE_FORMATS, isImageFile, plainName } from '../dataset/image-names.ts';

/** An image to predict; `imageName` is its file name with composed letters (NFC), as in a submission. */
export type ImageFile = { readonly imageName: string; readonly path: string };

/**
 * The images in a folder and its subfolders, sorted by name, in every format that training reads (see isImageFile). Of a data set, only the test half (`test/DCM`); of an image file, only that
 * file. Throws dataset-missing if the place does not exist, and dataset-layout if it has no images or two images with the same name, which
 * a submission could not distinguish.
 */
export async function findImages(place: string): Promise<readonly ImageFile[]> {
  const found = await stat(place).catch((cause: unknown) => {
    throw new CarpalError('dataset-missing', 'there is no such folder or image', {
      where: place,
      fix: 'Give a folder of images.',
      cause,
    });
  });
  if (found.isFile()) return [{ imageName: plainName(basename(place)), path: place }];
  const testHalf = join(place, 'test', 'DCM');
  const folder = (await stat(testHalf).catch(() => undefined))?.isDirectory() ? testHalf : place;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const images: ImageFile[] = [];
  for (const { name, parentPath } of entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.'))) {
    const path = join(parentPath, name);
    if (await isImageFile(path, name)) images.push({ imageName: plainName(name), path });
  }
  images.sort((a, b) => (a.imageName < b.imageName ? -1 : a.imageName > b.imageName ? 1 : a.path < b.path ? -1 : 1));
  if (images.length === 0) {
    throw new CarpalError('dataset-layout', 'the folder has no images', {
      where: folder,
      fix: `Give a folder with ${IMAGE_FORMATS} images.`,
    });
  }
  const duplicate = images.findIndex((image, index) => image.imageName === images[index + 1]?.imageName);
  if (duplicate >= 0) {
    const fix = 'Rename one of them: a submission identifies images by name.';
    throw new CarpalError('dataset-layout', `${images[duplicate]?.path} has the same name`, {
      where: images[duplicate + 1]?.path ?? folder,
      fix,
    });
  }
  return images;
}
