import { createHash, hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inParallel } from '@carpal/artifacts/in-parallel.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { Dataset, Sample } from '@carpal/report/dataset/discover.ts';
import { PERSON_TABLE } from '@carpal/report/dataset/person-table.ts';
import { PREPARED_VERSION } from './prepared.ts';

/** What a prepared set is made of besides the files. */
export type PreparedRecipe = {
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
