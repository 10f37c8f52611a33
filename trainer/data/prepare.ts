import { createHash, hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inParallel } from '@carpal/artifacts/in-parallel.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE, preparedKey } from '@carpal/configs/names.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import { polygonArea, readAnnotation } from '@carpal/report/dataset/annotation.ts';
import { type Dataset, discoverDataset, type Sample } from '@carpal/report/dataset/discover.ts';
import { PERSON_TABLE, type Person, personKey, readPersonTable } from '@carpal/report/dataset/person-table.ts';
import {
  encodePolygons,
  openPrepared,
  PREPARED_VERSION,
  type PreparedIndex,
  type PreparedSample,
  type PreparedSet,
  preparedImageFile,
  preparedLargeImageFile,
  preparedPolygonFile,
} from '@carpal/report/dataset/prepared-set.ts';
import { readImageHeader, readRadiograph } from '@carpal/report/dataset/read-radiograph.ts';
import { checkNames } from './check-dataset.ts';
import { resizeToSquare } from './resize-image.ts';

/** `reused` counts the images among `done` that were there already. */
export type PrepareProgress = { readonly done: number; readonly total: number; readonly reused: number };

export type PrepareOptions = {
  /** The data set, in the layout of {@link discoverDataset}. */
  readonly folder: string;
  /** Side of the training square. */
  readonly size: number;
  /** Side of the square in which each sheet is kept besides, for windows to be cut from. */
  readonly sheetSize?: number | undefined;
  readonly classes: readonly string[];
  readonly store: ArtifactStore;
  /** Images under way at once. Decoding runs on the process's four library threads, so more than that only fills their queue. */
  readonly workers?: number;
  /** When it fires, what is under way is finished and `stopped-with-checkpoint` is thrown; the next call goes on from there. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PrepareProgress) => void;
};

const DEFAULT_WORKERS = 6;

/**
 * Decodes every image of a data set once and keeps it at training size with its polygons, and at `sheetSize` too if that is given, under
 * `datasets/prepared/<hash>`. Test images are prepared as well, without polygons. What is there already is kept: a finished set is opened
 * as it is, an interrupted one completed. The index is written last, so a set with an index is whole.
 *
 * Throws `dataset-missing`, `dataset-layout`, `annotation-missing`, `annotation-invalid`, `image-unreadable` or `image-too-large` for the
 * first image, in the order of names, that is at fault, and what the store throws.
 */
export async function prepareDataset(options: PrepareOptions): Promise<PreparedSet> {
  const { folder, size, classes, store, workers = DEFAULT_WORKERS } = options;
  const dataset = await discoverDataset(folder);
  checkNames(dataset);
  // The images are the sheets where both sizes are one.
  const sheetSize = options.sheetSize === size ? undefined : options.sheetSize;
  const recipe = { size, normalize: 'unit', classes, ...(sheetSize === undefined ? {} : { sheetSize }) } as const;
  const hash = await sourceHash(dataset, recipe, workers);
  const key = preparedKey(hash);
  const indexKey = `${key}/${FILE.preparedIndex}`;
  const total = dataset.train.length + dataset.test.length;
  if ((await store.readIfPresent(indexKey)) === undefined) {
    const samples = await prepareSamples(dataset, key, { ...options, sheetSize }, total);
    const index: PreparedIndex = { version: PREPARED_VERSION, hash, ...recipe, samples };
    await store.write(indexKey, `${JSON.stringify(index)}\n`);
  } else {
    options.onProgress?.({ done: total, total, reused: total });
  }
  return openPrepared(await store.checkout(key));
}

async function prepareSamples(dataset: Dataset, key: string, options: PrepareOptions, total: number): Promise<PreparedSample[]> {
  const { store, signal, onProgress, workers = DEFAULT_WORKERS } = options;
  const present = new Map((await store.list(key)).map(({ key: objectKey, size }) => [objectKey, size]));
  const people = await readPersonTable(dataset.folder);
  let done = 0;
  let reused = 0;
  onProgress?.({ done, total, reused });
  return inParallel([...dataset.train, ...dataset.test], workers, async (sample, index) => {
    if (signal?.aborted)
      throw new CarpalError('stopped-with-checkpoint', `stopped with ${done} of ${total} images prepared`, { where: dataset.folder });
    const half = index < dataset.train.length ? 'train' : 'test';
    const made = await prepareSample({ sample, half, key, present, person: people.get(personKey(sample.group)), options });
    done++;
    if (made.reused) reused++;
    onProgress?.({ done, total, reused });
    return made.prepared;
  });
}

type SampleTask = {
  readonly sample: Sample;
  readonly half: 'train' | 'test';
  readonly key: string;
  readonly present: ReadonlyMap<string, number>;
  readonly person: Person | undefined;
  readonly options: PrepareOptions;
};

async function prepareSample({
  sample,
  half,
  key,
  present,
  person,
  options,
}: SampleTask): Promise<{ prepared: PreparedSample; reused: boolean }> {
  const { size, sheetSize, classes, store } = options;
  const squares = [{ squareKey: `${key}/${preparedImageFile(sample.imageName)}`, side: size }];
  if (sheetSize !== undefined) squares.push({ squareKey: `${key}/${preparedLargeImageFile(sample.imageName)}`, side: sheetSize });
  const polygonKey = `${key}/${preparedPolygonFile(sample.imageName)}`;
  const polygons = half === 'test' ? undefined : await readAnnotation(sample.annotationPath ?? '', classes);
  const encoded = polygons && encodePolygons(polygons);
  // Writes are atomic, so an object of the right size is whole.
  const missing = squares.filter(({ squareKey, side }) => present.get(squareKey) !== side * side);
  const reused = missing.length === 0;
  const image = reused ? await readImageHeader(sample.imagePath) : await readRadiograph(sample.imagePath);
  const { width, height } = image;
  if ('pixels' in image) {
    for (const { squareKey, side } of missing) await store.write(squareKey, resizeToSquare(image, squareFit(width, height, side)));
  }
  if (encoded && present.get(polygonKey) !== encoded.byteLength) await store.write(polygonKey, encoded);
  const boneArea = polygons && polygons.reduce((sum, polygon) => sum + polygonArea(polygon), 0) / (width * height);
  const { imageName, group } = sample;
  const prepared = { imageName, group, half, width, height, ...(boneArea === undefined ? {} : { boneArea }), ...person };
  return { prepared, reused };
}

/** What a prepared set is made of besides the files. */
type PreparedRecipe = {
  readonly size: number;
  readonly normalize: 'unit';
  readonly classes: readonly string[];
  /** Side of the square in which every sheet is kept besides, for windows to be cut from; absent where there are none. */
  readonly sheetSize?: number;
};

/** Hexadecimal digits of a hash: 96 bits, and short enough for a folder's name. */
const HASH_LENGTH = 24;

/**
 * The name of the prepared set that these files and this recipe give. It is made of file names and CONTENTS, never of times or of where
 * the folder lies: a copied, downloaded or touched data set is the same set, and an edited annotation is another. Reading every byte
 * costs some milliseconds an image, a tenth of decoding it.
 */
export async function sourceHash(dataset: Dataset, recipe: PreparedRecipe, workers: number): Promise<string> {
  const samples: [string, Sample][] = [
    ...dataset.train.map((sample): [string, Sample] => ['train', sample]),
    ...dataset.test.map((sample): [string, Sample] => ['test', sample]),
  ];
  const lines = await inParallel(samples, workers, async ([half, { group, imageName, imagePath, annotationPath }]) => {
    const annotation = annotationPath === undefined ? '' : await digestOf(annotationPath);
    return JSON.stringify([half, group, imageName, await digestOf(imagePath), annotation]);
  });
  const { size, normalize, classes, sheetSize } = recipe;
  const table = await readFile(join(dataset.folder, PERSON_TABLE)).catch(() => '');
  const whole = createHash('sha256').update(
    // A set without sheets has the name that it had before there were any.
    JSON.stringify([PREPARED_VERSION, size, normalize, classes, hash('sha256', table), ...(sheetSize === undefined ? [] : [sheetSize])]),
  );
  for (const line of lines) whole.update(`\n${line}`);
  return whole.digest('hex').slice(0, HASH_LENGTH);
}

async function digestOf(path: string): Promise<string> {
  const content = await readFile(path).catch((cause: unknown) => {
    throw new CarpalError(path.endsWith('.json') ? 'annotation-invalid' : 'image-unreadable', 'the file cannot be read', {
      where: path,
      cause,
    });
  });
  return hash('sha256', content);
}
