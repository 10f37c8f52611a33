import { SubmissionFile } from '../submission-file.ts';

/** The rows of a submission in file order: image, class, RLE text. */
export async function submissionRows(path: string): Promise<[imageName: string, className: string, rle: string][]> {
  const file = await SubmissionFile.open(path);
  try {
    const rows: [string, string, string][] = [];
    for (const row of file.rows) rows.push([row.imageName, row.className, await file.readRle(row)]);
    return rows;
  } finally {
    await file.close();
  }
}
