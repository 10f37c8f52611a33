import { createHash, hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inParallel } from '@carpal/artifacts/in-parallel.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { readError } from '@carpal/configs/file-errors.ts';
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

/** `reused` is the number of images among `done` that already existed. */
export type PrepareProgress = { readonly done: number; readonly total: number; readonly reused: number };

export type PrepareOptions = {
  /** The data set, in the layout of {@link discoverDataset}. */
  readonly folder: string;
  /** Side of the training square. */
  readonly size: number;
  /** Side of the larger square in which each image is also stored, for windows. */
  readonly sheetSize?: number | undefined;
  readonly classes: readonly string[];
  readonly store: ArtifactStore;
  /** Only experiments of this namespace use the set. */
  readonly namespace: string;
  /** The number of images processed concurrently. Decoding runs on the process's four library threads, so more only fill their queue. */
  readonly workers?: number;
  /** When it aborts, images in progress are finished and `stopped-with-checkpoint` is thrown. The next call continues from there. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PrepareProgress) => void;
  /** Called after each file that was read only to identify the data set. */
  readonly onRead?: () => void;
  /** A set that must be of the same images and annotations, at the same training size. */
  readonly sameImagesAs?: PreparedSet;
};

const DEFAULT_WORKERS = 6;

/**
 * Decodes every image of a data set once and stores it with its polygons under {@link preparedKey}, at training size and, if given, at
 * `sheetSize`. Test images are prepared too, without polygons. Existing files are kept: a finished set is opened, an interrupted one
 * completed. The index is written last, so a set with an index is complete.
 * Throws `dataset-missing`, `dataset-layout`, `annotation-missing`, `annotation-invalid`, `image-unreadable` or `image-too-large` for the
 * first invalid image in name order, `prepared-invalid` for other images than those of `sameImagesAs`, and the errors of the store.
 */
export async function prepareDataset(options: PrepareOptions): Promise<PreparedSet> {
  const { folder, size, classes, store, workers = DEFAULT_WORKERS } = options;
  const dataset = await discoverDataset(folder);
  checkNames(dataset);
  // If both sizes are equal, the training images serve both purposes.
  const sheetSize = options.sheetSize === size ? undefined : options.sheetSize;
  const recipe = { size, normalize: 'unit', classes, ...(sheetSize === undefined ? {} : { sheetSize }) } as const;
  const source = await readSource(dataset, workers, options.onRead);
  const hash = setHash(source, recipe);
  if (options.sameImagesAs) checkSameImages(source, options.sameImagesAs, folder);
  const key = preparedKey(options.namespace, hash);
  const indexKey = `${key}/${FILE.preparedIndex}`;
  const total = dataset.train.length + dataset.test.length;
  const finished = await store.readIfPresent(indexKey);
  if (finished === undefined) {
    const samples = await prepareSamples(dataset, key, { ...options, sheetSize }, total);
    const index: PreparedIndex = { version: PREPARED_VERSION, hash, ...recipe, samples };
    await store.write(indexKey, `${JSON.stringify(index)}\n`);
  } else {
    // The time of the index is that of the last use: `carpal artifacts prune` never removes a set that was used a short while ago.
    await store.write(indexKey, finished);
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
  // Writes are atomic, so an object of the right size is complete.
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

/** What determines a prepared set apart from its source files. */
type PreparedRecipe = {
  readonly size: number;
  readonly normalize: 'unit';
  readonly classes: readonly string[];
  /** Side of the larger square for windows; absent without windows. */
  readonly sheetSize?: number;
};

/** Hexadecimal digits of a hash: 96 bits, short enough for a folder name. */
const HASH_LENGTH = 24;

/**
 * The name of the prepared set for these files and this recipe. It depends on the names and the contents of the files, not on times or the
 * location of the folder: a copied, downloaded or touched data set is the same set, an edited annotation gives another one. Reading every
 * byte costs a few milliseconds per image, a tenth of decoding it.
 */
export async function sourceHash(dataset: Dataset, recipe: PreparedRecipe, workers: number): Promise<string> {
  return setHash(await readSource(dataset, workers), recipe);
}

/** What identifies the source files of a set: the text of the person table, and a line with the hashes of each sample. */
type Source = { readonly table: string; readonly lines: readonly string[] };

async function readSource(dataset: Dataset, workers: number, onRead: () => void = () => undefined): Promise<Source> {
  const samples: [string, Sample][] = [
    ...dataset.train.map((sample): [string, Sample] => ['train', sample]),
    ...dataset.test.map((sample): [string, Sample] => ['test', sample]),
  ];
  const lines = await inParallel(samples, workers, async ([half, { group, imageName, imagePath, annotationPath }]) => {
    const annotation = annotationPath === undefined ? '' : await digestOf(annotationPath);
    const line = JSON.stringify([half, group, imageName, await digestOf(imagePath), annotation]);
    onRead();
    return line;
  });
  const table = await readFile(join(dataset.folder, PERSON_TABLE)).catch(() => '');
  return { table: hash('sha256', table), lines };
}

function setHash({ table, lines }: Source, { size, normalize, classes, sheetSize }: PreparedRecipe): string {
  const sum = createHash('sha256').update(
    // Sets without larger images keep the name that they had before larger images existed.
    JSON.stringify([PREPARED_VERSION, size, normalize, classes, table, ...(sheetSize === undefined ? [] : [sheetSize])]),
  );
  for (const line of lines) sum.update(`\n${line}`);
  return sum.digest('hex').slice(0, HASH_LENGTH);
}

function checkSameImages(source: Source, earlier: PreparedSet, folder: string): void {
  if (setHash(source, earlier) === earlier.hash) return;
  throw new CarpalError('prepared-invalid', 'the data set has changed since it was prepared', {
    where: folder,
    fix: 'Restore the data set: inference.window has changed and needs its images in another size. Or use the former window.',
  });
}

async function digestOf(path: string): Promise<string> {
  const content = await readFile(path).catch((cause: unknown) => {
    const code = path.endsWith('.json') ? 'annotation-invalid' : 'image-unreadable';
    throw readError(cause, path, () => new CarpalError(code, 'the file cannot be read', { where: path, cause }));
  });
  return hash('sha256', content);
}
