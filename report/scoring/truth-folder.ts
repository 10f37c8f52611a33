import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { parseJson } from '@carpal/configs/json.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { MAX_SIDE } from '@carpal/masks/mask-error.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { readAnnotation, readAnnotationText } from '../dataset/annotation.ts';
import { isImageFile, stemOf } from '../dataset/image-names.ts';
import { readImageHeader } from '../dataset/read-radiograph.ts';

/** One annotated image: its name without extension, the annotation, and the image if it is available. */
export type TruthEntry = { readonly stem: string; readonly annotationPath: string; readonly imagePath: string | undefined };

export type Truth = {
  /** Sorted by path. */
  readonly entries: readonly TruthEntry[];
  /** Whether these are the annotations of one person's folder, so a submission may well have more images. */
  readonly isOnePerson: boolean;
};

export type ImageSize = { readonly width: number; readonly height: number };

const ANNOTATIONS = 'outputs_json';

/**
 * The annotations to score against: those of `truth/outputs_json` or `outputs_json` in the folder; otherwise the training half,
 * `train/outputs_json`; otherwise all annotations in the folder, which may be an outputs_json folder or that of one person. Their images are
 * looked for in the DCM folders next to them. Throws dataset-missing if the folder does not exist or has no annotations.
 */
export async function findTruth(folder: string): Promise<Truth> {
  for (const half of ['truth', '.', 'train']) {
    const root = join(folder, half, ANNOTATIONS);
    const paths = await annotationsUnder(root);
    if (paths.length > 0) return { entries: await entriesOf(paths, [folder, dirname(root), join(folder, '..')]), isOnePerson: false };
  }
  const paths = await looseAnnotations(folder);
  if (paths.length > 0) {
    const isOnePerson = paths.some((path) => resolve(dirname(path)) === resolve(folder));
    const half = resolve(folder, isOnePerson ? '../..' : '..');
    return { entries: await entriesOf(paths, [half, dirname(half)]), isOnePerson };
  }
  const fix = 'Give a folder that holds outputs_json/<person>/<image>.json, a data set, or the folder of one person with its JSON files.';
  const what = (await isFolder(folder)) ? 'the folder has no annotations to score against' : 'there is no such folder';
  throw new CarpalError('dataset-missing', what, { where: folder, fix });
}

/** The annotations with their images, from the folders of images in `places`: DCM, and DCM of the halves of a data set. */
async function entriesOf(paths: readonly string[], places: readonly string[]): Promise<TruthEntry[]> {
  const images = new Map<string, string>();
  const folders = places.flatMap((place) => ['DCM', 'train/DCM', 'test/DCM', 'truth/DCM'].map((name) => resolve(place, name)));
  const wanted = new Set(paths.map((path) => stemOf(basename(path))));
  for (const folder of new Set(folders)) {
    for (const { name, path } of await filesUnder(folder)) {
      const stem = stemOf(name);
      if (wanted.has(stem) && !images.has(stem) && (await isImageFile(path, name))) images.set(stem, path);
    }
  }
  return paths.map((annotationPath) => {
    const stem = stemOf(basename(annotationPath));
    return { stem, annotationPath, imagePath: images.get(stem) };
  });
}

/** The size of an annotated image, or `size` if the image is not available. */
export async function truthSize(entry: TruthEntry, size: ImageSize): Promise<ImageSize> {
  return entry.imagePath === undefined ? size : readImageHeader(entry.imagePath);
}

/** The true masks of an image in class order, at the image's size, or at `size` if the image is not available. */
export async function readTruth(entry: TruthEntry, classes: readonly string[], size: ImageSize): Promise<RleMask[]> {
  const { width, height } = await truthSize(entry, size);
  const polygons = await readAnnotation(entry.annotationPath, classes);
  return polygons.map((polygon) => fillPolygon(polygon, width, height));
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

type FoundFile = { readonly name: string; readonly path: string };

async function filesUnder(folder: string): Promise<FoundFile[]> {
  if (!(await isFolder(folder))) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map(({ name, parentPath }) => ({ name, path: join(parentPath, name) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

const isJson = ({ name }: FoundFile): boolean => /\.json$/i.test(name);

async function annotationsUnder(folder: string): Promise<string[]> {
  return (await filesUnder(folder)).filter(isJson).map(({ path }) => path);
}

/** The annotations anywhere in a folder that is not laid out as a data set. Other folders hold other JSON files, such as those of a run. */
async function looseAnnotations(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of await annotationsUnder(folder)) {
    const content = parseJson((await readAnnotationText(path)).replace(/^\uFEFF/, ''));
    if (typeof content === 'object' && content !== null && 'annotations' in content) found.push(path);
  }
  return found;
}

/** Parses `2048` or `1344x1573` as an image size. Throws usage-invalid for other texts. */
export function parseImageSize(text: string): ImageSize {
  const match = /^(\d{1,5})(?:[x×](\d{1,5}))?$/.exec(text);
  const width = Number(match?.[1]);
  const height = Number(match?.[2] ?? match?.[1]);
  if (!match || width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE) {
    throw new CarpalError('usage-invalid', `"${text}" is not an image size`, {
      where: '--size',
      fix: 'Write 2048, or width and height as 1344x1573.',
    });
  }
  return { width, height };
}
