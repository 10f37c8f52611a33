import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';

/** One radiograph of the data set. `imageName` is the base name with its extension, as a submission's `image_name` has it. */
export type Sample = {
  readonly imageName: string;
  /** The person's folder, such as ID001: images of one person never lie in two folds. */
  readonly group: string;
  readonly imagePath: string;
  readonly annotationPath?: string;
};

export type Dataset = {
  readonly folder: string;
  /** Sorted by group, then by image name. A sample without `annotationPath` has no JSON. */
  readonly train: readonly Sample[];
  readonly test: readonly Sample[];
  /** Paths of annotations that belong to no image. */
  readonly orphanAnnotations: readonly string[];
};

const IMAGE_FOLDER = 'DCM';
const ANNOTATION_FOLDER = 'outputs_json';

/**
 * Finds the images and annotations of a data set: `train/DCM/<person>/x.png` with `train/outputs_json/<person>/x.json`, and
 * `test/DCM/<person>/x.png` if there is a test half. An annotation belongs to the image of the same base name; where the two differ only
 * in a side suffix (`_R`, `_L`), and no other could be meant, they belong together too. Nothing is opened.
 * Throws `dataset-missing` where there is no such folder and `dataset-layout` where it holds no training images.
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

/** Which annotation belongs to which image of one person, by file name. Exact stems first, then stems without their side suffix. */
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
    throw new CarpalError('dataset-missing', `the folder cannot be read: ${String(code)}`, { where: folder, cause: error });
  });
}

/** Sub-folders in code-unit order (a locale's order differs between machines). Links to folders count. */
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
