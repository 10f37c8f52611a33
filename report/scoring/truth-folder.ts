import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { MAX_SIDE } from '@carpal/masks/mask-error.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { readAnnotation } from '../dataset/annotation.ts';
import { readImageHeader } from '../dataset/read-radiograph.ts';

/** One annotated image: its name without extension, the annotation, and the image if it is available. */
export type TruthEntry = { readonly stem: string; readonly annotationPath: string; readonly imagePath: string | undefined };

export type ImageSize = { readonly width: number; readonly height: number };

const stemOf = (name: string): string => name.replace(/\.[^.]*$/, '');

/**
 * The annotations to score against, sorted by name, from `outputs_json` or `truth/outputs_json` of the folder. Throws dataset-missing if
 * the folder does not exist or has none.
 */
export async function findTruth(folder: string): Promise<readonly TruthEntry[]> {
  const places = [join(folder, 'truth', 'outputs_json'), join(folder, 'outputs_json')];
  const images = new Map<string, string>();
  for (const place of [join(folder, 'DCM'), join(folder, 'test', 'DCM'), join(folder, '..', 'test', 'DCM'), join(folder, 'truth', 'DCM')]) {
    for (const path of await filesUnder(place, /\.png$/i)) images.set(stemOf(basename(path)), path);
  }
  for (const place of places) {
    const paths = await filesUnder(place, /\.json$/i);
    if (paths.length === 0) continue;
    return paths.map((annotationPath) => {
      const stem = stemOf(basename(annotationPath));
      return { stem, annotationPath, imagePath: images.get(stem) };
    });
  }
  const fix = 'Give a folder that holds outputs_json/<person>/<image>.json, or a data set with truth/outputs_json.';
  const what = (await isFolder(folder)) ? 'the folder has no annotations to score against' : 'there is no such folder';
  throw new CarpalError('dataset-missing', what, { where: folder, fix });
}

/** The true masks of an image in class order, at the image's size, or at `size` if the image is not available. */
export async function readTruth(entry: TruthEntry, classes: readonly string[], size: ImageSize): Promise<RleMask[]> {
  const { width, height } = entry.imagePath === undefined ? size : await readImageHeader(entry.imagePath);
  const polygons = await readAnnotation(entry.annotationPath, classes);
  return polygons.map((polygon) => fillPolygon(polygon, width, height));
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

async function filesUnder(folder: string, pattern: RegExp): Promise<string[]> {
  if (!(await isFolder(folder))) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && pattern.test(entry.name) && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
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
