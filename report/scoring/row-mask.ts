import { CarpalError } from '@carpal/configs/errors.ts';
import { MaskError } from '@carpal/masks/mask-error.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { parseRle } from '@carpal/masks/rle-text.ts';
import type { SubmissionFile, SubmissionRow } from './submission-file.ts';

/** The mask of one row; a text that is no mask of that size is submission-invalid with file, line and character. */
export async function readRowMask(file: SubmissionFile, row: SubmissionRow, width: number, height: number): Promise<RleMask> {
  const text = await file.readRle(row);
  try {
    return parseRle(text, width, height);
  } catch (cause) {
    if (!(cause instanceof MaskError)) throw cause;
    const what = `${row.imageName}, ${row.className}: ${cause.message.replace(/\.$/, '')}`;
    throw new CarpalError('submission-invalid', what, { where: `${file.path}:${row.line}`, cause });
  }
}
