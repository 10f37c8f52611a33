import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { readError } from '@carpal/configs/file-errors.ts';
import { IMAGE_FORMATS, isImageFile, plainName, stemOf } from './image-names.ts';

/**
 * One radiograph of the data set. `imageName` is the file name with its extension, as in the `image_name` column of a submission; names are
 * composed (NFC), whatever the file system stores.
 */
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
  /** Paths of files among the images that are not read: of another format, or not in the folder of a person. */
  readonly ignoredFiles: readonly string[];
};

const IMAGE_FOLDER = 'DCM';
const ANNOTATION_FOLDER = 'outputs_json';

/**
 * Lists the images and annotations of a data set: `train/DCM/<person>/x.png` with `train/outputs_json/<person>/x.json`, and, if there is a
 * test half, `test/DCM/<person>/x.png`. Images are PNG, JPEG, TIFF or DICOM files. Opens only files without extension, which may be DICOM. An
 * annotation belongs to the image with the same base name. If the names differ only in a side suffix (`_R`, `_L`) and the match is unique,
 * they belong together too. Throws `dataset-missing` if the folder does not exist and `dataset-layout` if it has no training images.
 */
export async function discoverDataset(folder: string): Promise<Dataset> {
  if ((await entriesOf(folder)) === undefined) throw new CarpalError('dataset-missing', 'there is no such folder', { where: folder });
  const trainFolder = join(folder, 'train', IMAGE_FOLDER);
  const [train, test] = [await listHalf(trainFolder), await listHalf(join(folder, 'test', IMAGE_FOLDER))];
  const ignoredFiles = [...train.ignored, ...test.ignored];
  if (train.people.length === 0) {
    const among = ignoredFiles.length === 0 ? '' : `; ${ignoredFiles.length} other files are ignored, such as ${ignoredFiles[0]}`;
    const where = join(trainFolder, '*', '*.png');
    throw new CarpalError('dataset-layout', `no training image was found (${IMAGE_FORMATS})${among}`, { where });
  }
  const annotationRoot = join(folder, 'train', ANNOTATION_FOLDER);
  const annotations = new Map<string, string[]>();
  for (const name of await foldersIn(annotationRoot)) {
    const paths = (await filesIn(join(annotationRoot, name)))
      .filter((file) => /\.json$/i.test(file))
      .map((file) => join(annotationRoot, name, file));
    annotations.set(plainName(name), [...(annotations.get(plainName(name)) ?? []), ...paths]);
  }
  const samples: Sample[] = [];
  const orphanAnnotations: string[] = [];
  for (const { group, images } of train.people) {
    const own = annotations.get(group) ?? [];
    annotations.delete(group);
    const pairs = pairNames([...images.keys()], own);
    for (const [imageName, imagePath] of images) {
      const annotationPath = pairs.annotationOf.get(imageName);
      samples.push({ imageName, group, imagePath, ...(annotationPath === undefined ? {} : { annotationPath }) });
    }
    orphanAnnotations.push(...pairs.orphans);
  }
  orphanAnnotations.push(...[...annotations.values()].flat());
  const testSamples = test.people.flatMap(({ group, images }) =>
    [...images].map(([imageName, imagePath]): Sample => ({ imageName, group, imagePath })),
  );
  return { folder, train: samples, test: testSamples, orphanAnnotations, ignoredFiles };
}

type Half = {
  /** Only people with images, sorted. `images`: the path of each image by its name, sorted by name. */
  readonly people: readonly { readonly group: string; readonly images: ReadonlyMap<string, string> }[];
  readonly ignored: readonly string[];
};

async function listHalf(folder: string): Promise<Half> {
  const people: { group: string; images: Map<string, string> }[] = [];
  // A link may be the folder of a person.
  const loose = ((await entriesOf(folder)) ?? []).filter((entry) => entry.isFile() && !entry.name.startsWith('.'));
  const ignored = loose.map(({ name }) => join(folder, name)).sort();
  for (const name of await foldersIn(folder)) {
    const images: [name: string, path: string][] = [];
    for (const file of await filesIn(join(folder, name))) {
      const path = join(folder, name, file);
      if (await isImageFile(path, file)) images.push([plainName(file), path]);
      else ignored.push(path);
    }
    images.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    if (images.length > 0) people.push({ group: plainName(name), images: new Map(images) });
  }
  return { people, ignored };
}

/** Matches the annotations of one person, given by name or path, to images by file name: first equal stems, then stems without their side suffix. */
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
  const stem = (path: string): string => stemOf(basename(path));
  pair(stem);
  pair((name) => stem(name).replace(/_[RL]$/i, ''));
  return { annotationOf, orphans: [...left] };
}

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

/** Files and links, in code-unit order. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = (await entriesOf(folder)) ?? [];
  return entries
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
}
