import { isUtf8 } from 'node:buffer';
import { createHash, hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { inParallel } from '@carpal/artifacts/in-parallel.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { readError } from '@carpal/configs/file-errors.ts';
import { FILE, preparedKey } from '@carpal/configs/names.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import { polygonArea, readAnnotation } from '@carpal/report/dataset/annotation.ts';
import { type Dataset, discoverDataset, type Sample } from '@carpal/report/dataset/discover.ts';
import { greyRange, type Normalize } from '@carpal/report/dataset/grey-range.ts';
import { findPersonTable, type Person, personKey, readPersonTable } from '@carpal/report/dataset/person-table.ts';
import {
  encodePolygons,
  largeSide,
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
  /** Largest side of the larger square in which each image is also stored, for views (see largeSide). */
  readonly detailSize?: number | undefined;
  /** How grey values become bytes, at the full depth of each image; `unit` by default. */
  readonly normalize?: Normalize;
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
  const { folder, size, detailSize, classes, store, normalize = 'unit', workers = DEFAULT_WORKERS } = options;
  const dataset = await discoverDataset(folder);
  checkNames(dataset);
  const recipe: PreparedRecipe = { size, normalize, classes, ...(detailSize === undefined ? {} : { detailSize }) };
  const source = await readSource(dataset, workers, options.onRead);
  const hash = setHash(source, recipe);
  if (options.sameImagesAs) checkSameImages(source, options.sameImagesAs, folder);
  const key = preparedKey(options.namespace, hash);
  const indexKey = `${key}/${FILE.preparedIndex}`;
  const total = dataset.train.length + dataset.test.length;
  const finished = await store.readIfPresent(indexKey);
  if (finished === undefined) {
    const samples = await prepareSamples(dataset, key, options, total);
    const index: PreparedIndex = { version: PREPARED_VERSION, hash, ...recipe, samples };
    await store.write(indexKey, `${JSON.stringify(index)}\n`);
  } else {
    // The time of the index is that of the last use: `carpal artifacts prune` never removes a set that was used a short while ago.
    await store.write(indexKey, finished);
    options.onProgress?.({ done: total, total, reused: total });
  }
  return openPrepared(await store.checkout(key));
}

/** People by their key. A table that cannot be read only matters for a stratified split, whose check reports it (check-dataset.ts). */
async function peopleOf(folder: string): Promise<ReadonlyMap<string, Person> | undefined> {
  try {
    return (await readPersonTable(folder))?.people;
  } catch (error) {
    if (error instanceof CarpalError && error.code === 'table-unreadable') return undefined;
    throw error;
  }
}

async function prepareSamples(dataset: Dataset, key: string, options: PrepareOptions, total: number): Promise<PreparedSample[]> {
  const { store, signal, onProgress, workers = DEFAULT_WORKERS } = options;
  const present = new Map((await store.list(key)).map(({ key: objectKey, size }) => [objectKey, size]));
  const people = await peopleOf(dataset.folder);
  let done = 0;
  let reused = 0;
  onProgress?.({ done, total, reused });
  return inParallel([...dataset.train, ...dataset.test], workers, async (sample, index) => {
    if (signal?.aborted)
      throw new CarpalError('stopped-with-checkpoint', `stopped with ${done} of ${total} images prepared`, { where: dataset.folder });
    const half = index < dataset.train.length ? 'train' : 'test';
    const made = await prepareSample({ sample, half, key, present, person: people?.get(personKey(sample.group)), options });
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
  const { size, detailSize, classes, store, normalize = 'unit' } = options;
  const { width, height } = await readImageHeader(sample.imagePath);
  const squares = [{ squareKey: `${key}/${preparedImageFile(sample.imageName)}`, side: size }];
  if (detailSize !== undefined) {
    // If both sides are equal, the training image serves both purposes.
    const side = largeSide({ width, height }, detailSize);
    if (side !== size) squares.push({ squareKey: `${key}/${preparedLargeImageFile(sample.imageName)}`, side });
  }
  const polygonKey = `${key}/${preparedPolygonFile(sample.imageName)}`;
  const polygons = half === 'test' ? undefined : await readAnnotation(sample.annotationPath ?? '', classes);
  const encoded = polygons && encodePolygons(polygons);
  // Writes are atomic, so an object of the right size is complete.
  const missing = squares.filter(({ squareKey, side }) => present.get(squareKey) !== side * side);
  const reused = missing.length === 0;
  if (!reused) {
    const image = await readRadiograph(sample.imagePath);
    const range = greyRange(image, normalize);
    for (const { squareKey, side } of missing) await store.write(squareKey, resizeToSquare(image, squareFit(width, height, side), range));
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
  readonly normalize: Normalize;
  readonly classes: readonly string[];
  /** Absent in a set without larger images. */
  readonly detailSize?: number;
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

/** What identifies the source files of a set: the hash of the person table, and a line with the hashes of each sample. */
type Source = { readonly table: string; readonly lines: readonly string[] };

async function readSource(dataset: Dataset, workers: number, onRead: () => void = () => undefined): Promise<Source> {
  const samples: [string, Sample][] = [
    ...dataset.train.map((sample): [string, Sample] => ['train', sample]),
    ...dataset.test.map((sample): [string, Sample] => ['test', sample]),
  ];
  const lines = await inParallel(samples, workers, async ([half, { group, imageName, imagePath, annotationPath }]) => {
    const annotation = annotationPath === undefined ? '' : await digestOf(annotationPath);
    const image = await contentOf(imagePath);
    // The white of deep PNGs was 65535 in the sets that were made before its depth was found out. Sets of other images keep their names.
    const line = JSON.stringify([half, group, imageName, hash('sha256', image), annotation, ...(isDeepPng(image) ? ['depth in use'] : [])]);
    onRead();
    return line;
  });
  return { table: await tableDigest(dataset.folder), lines };
}

/**
 * The hash of the table of people, or of nothing. Tables with semicolons or in another encoding than UTF-8 were not read at first: the sets
 * of that time hold no facts about people, so sets that do have another name.
 */
async function tableDigest(folder: string): Promise<string> {
  const path = await findPersonTable(folder);
  if (path === undefined) return hash('sha256', '');
  const content = await contentOf(path);
  const isFirstForm = path.endsWith('.csv') && isUtf8(content) && /^[^\r\n;\t|]*,[^\r\n;\t|]*(?:\r|\n|$)/.test(content.toString('utf8'));
  return hash('sha256', isFirstForm ? content : Buffer.concat([Buffer.from('read as a table\n'), content]));
}

function setHash({ table, lines }: Source, { size, normalize, classes, detailSize }: PreparedRecipe): string {
  const sum = createHash('sha256').update(
    // Sets without larger images keep the name that they had before larger images existed.
    JSON.stringify([PREPARED_VERSION, size, normalize, classes, table, ...(detailSize === undefined ? [] : [{ detailSize }])]),
  );
  for (const line of lines) sum.update(`\n${line}`);
  return sum.digest('hex').slice(0, HASH_LENGTH);
}

function checkSameImages(source: Source, earlier: PreparedSet, folder: string): void {
  // A set that was prepared before xlsx tables were read has the name of a set without table. The table does not change images.
  if ([source, { ...source, table: hash('sha256', '') }].some((same) => setHash(same, earlier) === earlier.hash)) return;
  throw new CarpalError('prepared-invalid', 'the data set has changed since it was prepared', {
    where: folder,
    fix: 'Restore the data set: inference.tta has changed and needs its images in another size. Or use the former views.',
  });
}

async function digestOf(path: string): Promise<string> {
  return hash('sha256', await contentOf(path));
}

async function contentOf(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    const code = path.endsWith('.json') ? 'annotation-invalid' : 'image-unreadable';
    throw readError(cause, path, () => new CarpalError(code, 'the file cannot be read', { where: path, cause }));
  });
}

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Where a PNG has its bit depth. */
const PNG_DEPTH_AT = 24;

function isDeepPng(content: Buffer): boolean {
  return content.subarray(0, PNG_SIGNATURE.length).equals(PNG_SIGNATURE) && content[PNG_DEPTH_AT] === 16;
}
