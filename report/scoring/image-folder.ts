import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';

/** An image to predict; `imageName` is its base name, as in a submission. */
export type ImageFile = { readonly imageName: string; readonly path: string };

const IMAGE = /\.(png|jpe?g|tiff?)$/i;

/**
 * The images of a folder and the folders in it, sorted by name; of a data set only its test half (`test/DCM`); of a file that file. Throws
 * dataset-missing where there is nothing, dataset-layout where no image is found or two have the same name, which a submission cannot tell
 * apart.
 */
export async function findImages(place: string): Promise<readonly ImageFile[]> {
  const found = await stat(place).catch((cause: unknown) => {
    throw new CarpalError('dataset-missing', 'there is no such folder or image', {
      where: place,
      fix: 'Give a folder of images.',
      cause,
    });
  });
  if (found.isFile()) return [{ imageName: basename(place), path: place }];
  const testHalf = join(place, 'test', 'DCM');
  const folder = (await stat(testHalf).catch(() => undefined))?.isDirectory() ? testHalf : place;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const images = entries
    .filter((entry) => entry.isFile() && IMAGE.test(entry.name) && !entry.name.startsWith('.'))
    .map((entry) => ({ imageName: entry.name, path: join(entry.parentPath, entry.name) }))
    .sort((a, b) => (a.imageName < b.imageName ? -1 : a.imageName > b.imageName ? 1 : a.path < b.path ? -1 : 1));
  if (images.length === 0) {
    throw new CarpalError('dataset-layout', 'the folder holds no image', {
      where: folder,
      fix: 'Give a folder with PNG, JPEG or TIFF images.',
    });
  }
  const duplicate = images.findIndex((image, index) => image.imageName === images[index + 1]?.imageName);
  if (duplicate >= 0) {
    const fix = 'Rename one of them: a submission knows images by name alone.';
    throw new CarpalError('dataset-layout', `${images[duplicate]?.path} has the same name`, {
      where: images[duplicate + 1]?.path ?? folder,
      fix,
    });
  }
  return images;
}
