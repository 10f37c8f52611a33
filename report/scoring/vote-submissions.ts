import { CarpalError } from '@carpal/configs/errors.ts';
import { MAX_SIDE } from '@carpal/masks/image-size.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { majority } from '@carpal/masks/vote.ts';
import { doubledRows, readRowMask, rowKey, SubmissionFile, type SubmissionRow } from './submission-file.ts';
import { writeSubmission } from './submission-writer.ts';

export type VoteOptions = {
  readonly files: readonly string[];
  readonly out: string;
  /** A pixel is kept when at least so many files have it; more than half of them when left out. */
  readonly minVotes?: number;
  /** The size of every sheet, when it shall be checked. */
  readonly size?: { readonly width: number; readonly height: number };
};

export type VoteResult = { readonly files: number; readonly rows: number; readonly images: number; readonly minVotes: number };

/**
 * Run-length text numbers pixels row by row and does not tell the width, nor does a vote need it: any sheet that is large enough gives the
 * same runs. This one is the largest whose pixels can be numbered.
 */
const ANY_SIZE = { width: MAX_SIDE, height: MAX_SIDE };

/** The fewest votes that are more than half. */
export function majorityOf(files: number): number {
  return Math.floor(files / 2) + 1;
}

/**
 * Hard vote: one submission in which a pixel is set when at least `minVotes` of the files set it. Rows are joined by (image, class),
 * whatever their order in the files; the result has the order of the first file. Files with missing or doubled rows are refused, all of
 * them named in one error, before anything is written. One row of each file is held at a time.
 */
export async function voteSubmissions(options: VoteOptions): Promise<VoteResult> {
  const minVotes = options.minVotes ?? majorityOf(options.files.length);
  if (minVotes > options.files.length) {
    const given = options.files.length === 1 ? 'is 1 file' : `are ${options.files.length} files`;
    throw new CarpalError('usage-invalid', `${minVotes} votes are asked for and there ${given}`, { where: '--min-votes' });
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

/** For each (image, class), in the first file's order, the row of every file. */
function joinRows(files: readonly SubmissionFile[]): SubmissionRow[][] {
  const indexes = files.map((file) => new Map(file.rows.map((row) => [rowKey(row), row])));
  const all = new Map<string, SubmissionRow>();
  for (const file of files) for (const row of file.rows) if (!all.has(rowKey(row))) all.set(rowKey(row), row);
  // Of two files nobody can tell which is wrong; of more, a row that one alone has is too many there, not missing in all others.
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
