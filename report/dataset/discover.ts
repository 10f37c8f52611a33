import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { readError } from '@carpal/configs/file-errors.ts';

/** One radiograph of the data set. `imageName` is the file name with its extension, as in the `image_name` column of a submission. */
export type Sample = {
  readonly imageName: string;
  /** The person's folder, such as ID001. All images of a person belong to the same fold. */
  readonly group: string;
  readonly imagePath: string;
  readonly annotationPath?: string;
};

export type Dataset = {
  readonly folder: string;
  /** Sorted by group, then by image name. A sample without a JSON file has no `annotationPath`. */
  readonly train: readonly Sample[];
  readonly test: readonly Sample[];
  /** Paths of annotations without an image. */
  readonly orphanAnnotations: readonly string[];
};

const IMAGE_FOLDER = 'DCM';
const ANNOTATION_FOLDER = 'outputs_json';

/**
 * Lists the images and annotations of a data set without opening them: `train/DCM/<person>/x.png` with
 * `train/outputs_json/<person>/x.json`, and, if there is a test half, `test/DCM/<person>/x.png`. An annotation belongs to the image with
 * the same base name. If the names differ only in a side suffix (`_R`, `_L`) and the match is unique, they belong together too. Throws
 * `dataset-missing` if the folder does not exist and `dataset-layout` if it has no training images.
 */
export async function discoverDataset(folder: string): Promise<Dataset> {
  if ((await entriesOf(folder)) === undefined) throw new CarpalError('dataset-missing', 'there is no such folder', { where: folder });
  const trainFolder = join(folder, 'train', IMAGE_FOLDER);
  const train: Sample[] = [];
  const orphanAnnotations: string[] = [];
  for (const group of await foldersIn(trainFolder)) {
    const annotationFolder = join(folder, 'train', ANNOTATION_FOLDER, group);
    const images = await filesIn(join(trainFolder, group), '.png');
    const pairs = pairNames(images, await filesIn(annotationFolder, '.json'));
    for (const imageName of images) {
      const annotation = pairs.annotationOf.get(imageName);
      const imagePath = join(trainFolder, group, imageName);
      train.push({ imageName, group, imagePath, ...(annotation ? { annotationPath: join(annotationFolder, annotation) } : {}) });
    }
    orphanAnnotations.push(...pairs.orphans.map((name) => join(annotationFolder, name)));
  }
  if (train.length === 0)
    throw new CarpalError('dataset-layout', 'no training image was found', { where: join(trainFolder, '*', '*.png') });
  const withImages = new Set(train.map(({ group }) => group));
  for (const group of await foldersIn(join(folder, 'train', ANNOTATION_FOLDER))) {
    if (withImages.has(group) || (await entriesOf(join(trainFolder, group))) !== undefined) continue;
    const annotationFolder = join(folder, 'train', ANNOTATION_FOLDER, group);
    orphanAnnotations.push(...(await filesIn(annotationFolder, '.json')).map((name) => join(annotationFolder, name)));
  }
  return { folder, train, test: await testHalf(join(folder, 'test', IMAGE_FOLDER)), orphanAnnotations };
}

async function testHalf(folder: string): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const group of await foldersIn(folder)) {
    for (const imageName of await filesIn(join(folder, group), '.png')) {
      samples.push({ imageName, group, imagePath: join(folder, group, imageName) });
    }
  }
  return samples;
}

/** Matches the annotations of one person to images by file name: first equal stems, then stems without their side suffix. */
export function pairNames(
  images: readonly string[],
  annotations: readonly string[],
): { annotationOf: Map<string, string>; orphans: string[] } {
  const annotationOf = new Map<string, string>();
  const left = new Set(annotations);
  const pair = (keyOf: (name: string) => string): void => {
    const unpaired = images.filter((image) => !annotationOf.has(image));
    for (const image of unpaired) {
      const candidates = [...left].filter((name) => keyOf(name) === keyOf(image));
      const others = unpaired.filter((name) => keyOf(name) === keyOf(image));
      const [only] = candidates;
      if (only === undefined || candidates.length > 1 || others.length > 1) continue;
      annotationOf.set(image, only);
      left.delete(only);
    }
  };
  pair(stem);
  pair((name) => stem(name).replace(/_[RL]$/i, ''));
  return { annotationOf, orphans: [...left] };
}

const stem = (name: string): string => name.replace(/\.[^.]*$/, '');

async function entriesOf(folder: string): Promise<Dirent[] | undefined> {
  return readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw readError(
      error,
      folder,
      () => new CarpalError('dataset-missing', `the folder cannot be read: ${String(code)}`, { where: folder, cause: error }),
    );
  });
}

/** Subfolders in code-unit order, because a locale's order differs between machines. Includes links to folders. */
async function foldersIn(folder: string): Promise<string[]> {
  const entries = (await entriesOf(folder)) ?? [];
  return entries
    .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
}

async function filesIn(folder: string, extension: string): Promise<string[]> {
  const entries = (await entriesOf(folder)) ?? [];
  return entries
    .filter(({ name }) => name.toLowerCase().endsWith(extension) && !name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
}
