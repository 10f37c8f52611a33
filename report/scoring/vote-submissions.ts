import { CarpalError } from '@carpal/configs/errors.ts';
import { MAX_SIDE } from '@carpal/masks/mask-error.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { majority } from '@carpal/masks/vote.ts';
import { doubledRows, readRowMask, rowKey, SubmissionFile, type SubmissionRow } from './submission-file.ts';
import { writeSubmission } from './submission-writer.ts';

export type VoteOptions = {
  readonly files: readonly string[];
  readonly out: string;
  /** A pixel is set if at least this many files set it; default: more than half of the files. */
  readonly minVotes?: number;
  /** The size of all images; if given, masks are checked against it. */
  readonly size?: { readonly width: number; readonly height: number };
};

export type VoteResult = { readonly files: number; readonly rows: number; readonly images: number; readonly minVotes: number };

/**
 * RLE text numbers pixels row by row without giving the width. A vote does not need the width: any sufficiently large image gives the same
 * result. This size is the largest whose pixels can be numbered.
 */
const ANY_SIZE = { width: MAX_SIDE, height: MAX_SIDE };

/** The smallest number of votes that is more than half. */
export function majorityOf(files: number): number {
  return Math.floor(files / 2) + 1;
}

/**
 * Hard vote: writes a submission in which a pixel is set if at least `minVotes` of the files set it. Rows are joined by (image, class),
 * independent of their order; the result has the order of the first file. Files with missing or repeated rows are rejected, all in one
 * error, before anything is written. Only one row per file is in memory at a time.
 */
export async function voteSubmissions(options: VoteOptions): Promise<VoteResult> {
  const minVotes = options.minVotes ?? majorityOf(options.files.length);
  if (minVotes > options.files.length) {
    const given = options.files.length === 1 ? 'only 1 file is given' : `only ${options.files.length} files are given`;
    throw new CarpalError('usage-invalid', `${minVotes} votes are required but ${given}`, { where: '--min-votes' });
  }
  const files: SubmissionFile[] = [];
  try {
    for (const path of options.files) files.push(await SubmissionFile.open(path));
    const cells = joinRows(files);
    const { width, height } = options.size ?? ANY_SIZE;
    await writeSubmission(options.out, async (writer) => {
      for (const cell of cells) {
        const masks: RleMask[] = [];
        for (const [index, file] of files.entries()) masks.push(await readRowMask(file, cell[index] as SubmissionRow, width, height));
        const [{ imageName, className }] = cell as [SubmissionRow];
        await writer.write(imageName, className, majority(masks, minVotes));
      }
    });
    const images = new Set(cells.map((cell) => cell[0]?.imageName)).size;
    return { files: files.length, rows: cells.length, images, minVotes };
  } finally {
    for (const file of files) await file.close();
  }
}

/** For each (image, class), in the order of the first file: the row of every file. */
function joinRows(files: readonly SubmissionFile[]): SubmissionRow[][] {
  const indexes = files.map((file) => new Map(file.rows.map((row) => [rowKey(row), row])));
  const all = new Map<string, SubmissionRow>();
  for (const file of files) for (const row of file.rows) if (!all.has(rowKey(row))) all.set(rowKey(row), row);
  // With two files it is unknown which one is wrong. With more files, a row that only one file has counts as extra in that file, not as
  // missing from all others.
  const isExtra = (key: string): boolean => files.length > 2 && indexes.filter((index) => index.has(key)).length === 1;
  const extras = new Map([...all].filter(([key]) => isExtra(key)));
  const problems: string[] = [];
  for (const [index, file] of files.entries()) {
    const doubled = doubledRows(file.rows);
    const first = doubled[0];
    if (first)
      problems.push(
        `${file.path} has ${rowsOf(doubled.length)} twice, first ${nameOf(first.row)} on lines ${first.first.line} and ${first.row.line}`,
      );
    const extra = file.rows.filter((row) => extras.has(rowKey(row)));
    if (extra[0])
      problems.push(`${file.path} has ${rowsOf(extra.length)} that no other file has, first ${nameOf(extra[0])} on line ${extra[0].line}`);
    const missing = [...all].filter(([key]) => !indexes[index]?.has(key) && !extras.has(key)).map(([, row]) => row);
    if (missing[0]) problems.push(`${file.path} lacks ${rowsOf(missing.length)} that another file has, first ${nameOf(missing[0])}`);
  }
  if (problems.length > 0) throw new CarpalError('submission-invalid', problems.join('; '));
  return [...all.keys()].map((key) => indexes.map((index) => index.get(key) as SubmissionRow));
}

const rowsOf = (count: number): string => (count === 1 ? '1 row' : `${count} rows`);
const nameOf = (row: SubmissionRow): string => `${row.imageName}, ${row.className}`;
