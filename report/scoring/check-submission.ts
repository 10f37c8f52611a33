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
  /** In the order of the file, then what is missing from it. */
  readonly problems: readonly SubmissionProblem[];
};

/**
 * Whether a submission is one for the images given: each image has one row for each class, its rows together and in class order, no other
 * rows, and every run-length text fits the image's size. A break of the CSV form itself is the only problem then: nothing after it is read.
 * Throws submission-unreadable where the file cannot be read.
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

/** The line of the file that an error's place names; undefined where it names the file alone. */
function lineOf(path: string, where: string | undefined): number | undefined {
  const line = Number(where?.slice(`${path}:`.length));
  return Number.isInteger(line) && line > 0 ? line : undefined;
}

/** Checks the rows, and closes the file. */
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
    if (!known.has(imageName)) problems.push({ line, what: `there is no image ${imageName}` });
    if (!names.has(className)) problems.push({ line, what: `there is no class ${className}` });
  }
  return problems;
}

function repeated(rows: readonly SubmissionRow[]): SubmissionProblem[] {
  return doubledRows(rows).map(({ row, first }) => ({
    line: row.line,
    what: `${row.imageName}, ${row.className} has a row already, on line ${first.line}`,
  }));
}

/** Rows of an image that are apart or not in class order; one problem an image and stretch. */
function outOfOrder(rows: readonly SubmissionRow[], classes: readonly string[]): SubmissionProblem[] {
  const place = new Map(classes.map((name, index) => [name, index]));
  const finished = new Set<string>();
  const problems: SubmissionProblem[] = [];
  for (const [index, row] of rows.entries()) {
    const before = rows[index - 1];
    if (before && before.imageName !== row.imageName) {
      finished.add(before.imageName);
      if (finished.has(row.imageName)) problems.push({ line: row.line, what: `the rows of ${row.imageName} do not stand together` });
    }
    if (before?.imageName !== row.imageName) continue;
    if ((place.get(row.className) ?? -1) < (place.get(before.className) ?? -1)) {
      problems.push({ line: row.line, what: `${row.className} stands after ${before.className}, against the order of the classes` });
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
