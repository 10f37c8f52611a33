import { CarpalError } from '@carpal/configs/errors.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { type ImageDice, type Score, scoreMasks, summarise } from './scoring.ts';
import { doubledRows, readRowMask, rowKey, SubmissionFile, type SubmissionRow } from './submission-file.ts';
import { findTruth, type ImageSize, readTruth, type TruthEntry } from './truth-folder.ts';

export type ScoreOptions = {
  readonly truth: string;
  readonly submission: string;
  readonly classes: readonly string[];
  /** The size to assume for images that are not available. */
  readonly size: ImageSize;
};

/**
 * Dice of a submission against annotations: overall, per class and per image. The annotations determine the required rows. Throws
 * submission-invalid with the reason if rows are missing, repeated or not expected.
 */
export async function scoreSubmission({ truth, submission, classes, size }: ScoreOptions): Promise<Score> {
  const entries = await findTruth(truth);
  const file = await SubmissionFile.open(submission);
  try {
    const rows = joinTruth(file, entries, classes);
    const images: ImageDice[] = [];
    for (const entry of entries) {
      const trueMasks = await readTruth(entry, classes, size);
      const { width, height } = trueMasks[0] ?? size;
      const own = rows.get(entry.stem) ?? [];
      const masks: RleMask[] = [];
      for (const row of own) masks.push(await readRowMask(file, row, width, height));
      images.push({ imageName: own[0]?.imageName ?? entry.stem, perClass: scoreMasks(masks, trueMasks) });
    }
    return summarise(images);
  } finally {
    await file.close();
  }
}

/** The rows of each annotated image, in class order. */
function joinTruth(file: SubmissionFile, entries: readonly TruthEntry[], classes: readonly string[]): Map<string, SubmissionRow[]> {
  const invalid = (what: string, line?: number): CarpalError =>
    new CarpalError('submission-invalid', what, { where: line === undefined ? file.path : `${file.path}:${line}` });
  const [doubled] = doubledRows(file.rows);
  if (doubled) {
    const { row, first } = doubled;
    throw invalid(`${row.imageName}, ${row.className} already has a row on line ${first.line}`, row.line);
  }
  const stems = new Set(entries.map((entry) => entry.stem));
  const byKey = new Map<string, SubmissionRow>();
  for (const row of file.rows) {
    const stem = row.imageName.replace(/\.[^.]*$/, '');
    if (!stems.has(stem)) throw invalid(`the truth has no annotation for ${row.imageName}`, row.line);
    if (!classes.includes(row.className)) throw invalid(`${row.className} is not one of the classes`, row.line);
    byKey.set(rowKey({ imageName: stem, className: row.className }), row);
  }
  const lacking: string[] = [];
  const joined = new Map<string, SubmissionRow[]>();
  for (const { stem } of entries) {
    const rows: SubmissionRow[] = [];
    for (const className of classes) {
      const row = byKey.get(rowKey({ imageName: stem, className }));
      if (row) rows.push(row);
      else lacking.push(`${stem}, ${className}`);
    }
    joined.set(stem, rows);
  }
  if (lacking.length > 0) {
    throw invalid(
      `${lacking.length} of ${entries.length * classes.length} rows are missing: ${lacking.slice(0, 3).join('; ')}${lacking.length > 3 ? '; …' : ''}`,
    );
  }
  return joined;
}
