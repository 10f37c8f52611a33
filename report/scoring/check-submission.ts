import { CarpalError } from '@carpal/configs/errors.ts';
import { readImageHeader } from '../dataset/read-radiograph.ts';
import { findImages, type ImageFile } from './image-folder.ts';
import { doubledRows, readRowMask, SubmissionFile, type SubmissionRow } from './submission-file.ts';

type SubmissionProblem = { readonly line: number | undefined; readonly what: string };

export type SubmissionCheck = {
  readonly valid: boolean;
  readonly images: number;
  readonly rows: number;
  readonly emptyMasks: number;
  /** In the order of the file, followed by what is missing from it. */
  readonly problems: readonly SubmissionProblem[];
};

/**
 * Checks a submission for the given images: one row per image and class, rows of an image consecutive and in class order, no other rows,
 * and every RLE text within its image. If the CSV itself is malformed, that is the only problem reported, because reading stops there.
 * Throws submission-unreadable if the file cannot be read.
 */
export async function checkSubmission(submission: string, images: string, classes: readonly string[]): Promise<SubmissionCheck> {
  const files = await findImages(images);
  try {
    return await checkRows(await SubmissionFile.open(submission), files, classes);
  } catch (error) {
    if (!(error instanceof CarpalError) || error.code !== 'submission-invalid') throw error;
    const problem = { line: lineOf(submission, error.where), what: error.message };
    return { valid: false, images: files.length, rows: 0, emptyMasks: 0, problems: [problem] };
  }
}

/** The line number in an error's `where`; undefined if it names only the file. */
function lineOf(path: string, where: string | undefined): number | undefined {
  const line = Number(where?.slice(`${path}:`.length));
  return Number.isInteger(line) && line > 0 ? line : undefined;
}

/** Checks the rows and closes the file. */
async function checkRows(file: SubmissionFile, files: readonly ImageFile[], classes: readonly string[]): Promise<SubmissionCheck> {
  const known = new Map(files.map((image) => [image.imageName, image.path]));
  try {
    const problems = [...namesUnknown(file.rows, known, classes), ...repeated(file.rows), ...outOfOrder(file.rows, classes)];
    let emptyMasks = 0;
    let size: { imageName: string; width: number; height: number } | undefined;
    for (const row of file.rows) {
      if (row.rleLength === 0) emptyMasks += 1;
      const path = known.get(row.imageName);
      if (path === undefined) continue;
      if (size?.imageName !== row.imageName) size = { imageName: row.imageName, ...(await readImageHeader(path)) };
      const fault = await maskFault(file, row, size.width, size.height);
      if (fault !== undefined) problems.push({ line: row.line, what: fault });
    }
    problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
    problems.push(...missing(file.rows, [...known.keys()], classes));
    return { valid: problems.length === 0, images: files.length, rows: file.rows.length, emptyMasks, problems };
  } finally {
    await file.close();
  }
}

function namesUnknown(rows: readonly SubmissionRow[], known: ReadonlyMap<string, string>, classes: readonly string[]): SubmissionProblem[] {
  const names = new Set(classes);
  const problems: SubmissionProblem[] = [];
  for (const { line, imageName, className } of rows) {
    if (!known.has(imageName)) problems.push({ line, what: `${imageName} is not one of the images` });
    if (!names.has(className)) problems.push({ line, what: `${className} is not one of the classes` });
  }
  return problems;
}

function repeated(rows: readonly SubmissionRow[]): SubmissionProblem[] {
  return doubledRows(rows).map(({ row, first }) => ({
    line: row.line,
    what: `${row.imageName}, ${row.className} already has a row on line ${first.line}`,
  }));
}

/** Rows of an image that are not consecutive or not in class order. Reports one problem per image and group of rows. */
function outOfOrder(rows: readonly SubmissionRow[], classes: readonly string[]): SubmissionProblem[] {
  const place = new Map(classes.map((name, index) => [name, index]));
  const finished = new Set<string>();
  const problems: SubmissionProblem[] = [];
  for (const [index, row] of rows.entries()) {
    const before = rows[index - 1];
    if (before && before.imageName !== row.imageName) {
      finished.add(before.imageName);
      if (finished.has(row.imageName)) problems.push({ line: row.line, what: `the rows of ${row.imageName} are not consecutive` });
    }
    if (before?.imageName !== row.imageName) continue;
    if ((place.get(row.className) ?? -1) < (place.get(before.className) ?? -1)) {
      problems.push({ line: row.line, what: `${row.className} comes after ${before.className}, which is not the order of the classes` });
    }
  }
  return problems;
}

function missing(rows: readonly SubmissionRow[], images: readonly string[], classes: readonly string[]): SubmissionProblem[] {
  const present = new Map<string, Set<string>>();
  for (const { imageName, className } of rows) {
    const names = present.get(imageName) ?? new Set();
    present.set(imageName, names.add(className));
  }
  const problems: SubmissionProblem[] = [];
  for (const image of images) {
    const lacking = classes.filter((name) => !present.get(image)?.has(name));
    if (lacking.length === 0) continue;
    const what =
      lacking.length === classes.length
        ? `${image} has no row`
        : `${image} lacks ${lacking.length} of ${classes.length} rows: ${lacking.join(', ')}`;
    problems.push({ line: undefined, what });
  }
  return problems;
}

async function maskFault(file: SubmissionFile, row: SubmissionRow, width: number, height: number): Promise<string | undefined> {
  try {
    await readRowMask(file, row, width, height);
    return undefined;
  } catch (error) {
    if (error instanceof CarpalError && error.code === 'submission-invalid') return error.message;
    throw error;
  }
}
