import { type FileHandle, open } from 'node:fs/promises';
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';
import { MaskError } from '@carpal/masks/mask-error.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { parseRle } from '@carpal/masks/rle-text.ts';
import { plainName } from '../dataset/image-names.ts';

/** The first line of a submission. */
export const SUBMISSION_HEADER = 'image_name,class,rle';

/** The position of one row in a submission. Its image name has composed letters (NFC). Its RLE text stays in the file until it is read. */
export type SubmissionRow = {
  readonly line: number;
  readonly imageName: string;
  readonly className: string;
  readonly rleOffset: number;
  readonly rleLength: number;
};

/** A full 2048 × 2048 mask of alternating pixels takes about 15 MB in one row; a longer line cannot be a submission. */
const LONGEST_LINE = 64 * 1024 * 1024;
const CHUNK = 1024 * 1024;

/**
 * A submission CSV, opened for reading row by row. Opening reads the file once and keeps only names and positions, so memory does not grow
 * with the masks. Accepts LF and CRLF line endings, a byte order mark and quoted fields; any other deviation is an error with file and
 * line. Repeated rows are accepted here: see {@link doubledRows}.
 */
export class SubmissionFile {
  readonly path: string;
  readonly rows: readonly SubmissionRow[];
  private readonly handle: FileHandle;
  private window: Buffer = Buffer.alloc(0);
  private windowOffset = 0;

  private constructor(path: string, rows: readonly SubmissionRow[], handle: FileHandle) {
    this.path = path;
    this.rows = rows;
    this.handle = handle;
  }

  /** Throws submission-unreadable if the file cannot be read, and submission-invalid if a line is malformed. */
  static async open(path: string): Promise<SubmissionFile> {
    const handle = await open(path, 'r').catch((cause: unknown) => {
      throw unreadable(path, cause);
    });
    try {
      return new SubmissionFile(path, await readRows(path, handle), handle);
    } catch (error) {
      await handle.close();
      throw error instanceof CarpalError ? error : unreadable(path, error);
    }
  }

  /** The RLE text of a row, '' for an empty mask. Rows read in file order are buffered a megabyte at a time. */
  async readRle(row: SubmissionRow): Promise<string> {
    const from = row.rleOffset - this.windowOffset;
    if (from < 0 || from + row.rleLength > this.window.length) {
      await this.moveWindow(row);
      return this.window.toString('latin1', 0, row.rleLength);
    }
    return this.window.toString('latin1', from, from + row.rleLength);
  }

  private async moveWindow({ rleOffset, rleLength }: SubmissionRow): Promise<void> {
    const bytes = Buffer.allocUnsafe(Math.max(CHUNK, rleLength));
    let filled = 0;
    while (filled < rleLength) {
      const { bytesRead } = await this.handle.read(bytes, filled, bytes.length - filled, rleOffset + filled);
      if (bytesRead === 0) throw new CarpalError('submission-invalid', 'the file was shortened while it was read', { where: this.path });
      filled += bytesRead;
    }
    this.window = bytes.subarray(0, filled);
    this.windowOffset = rleOffset;
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

/** The mask of one row. Throws submission-invalid with file, line and character if the RLE text is not a mask of this size. */
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

/** The rows that repeat the (image, class) of an earlier row, each with that earlier row. */
export function doubledRows(rows: readonly SubmissionRow[]): { readonly row: SubmissionRow; readonly first: SubmissionRow }[] {
  const seen = new Map<string, SubmissionRow>();
  const doubled: { row: SubmissionRow; first: SubmissionRow }[] = [];
  for (const row of rows) {
    const first = seen.get(rowKey(row));
    if (first) doubled.push({ row, first });
    else seen.set(rowKey(row), row);
  }
  return doubled;
}

/** The key of (image, class) by which rows of several files are joined. */
export function rowKey(row: Pick<SubmissionRow, 'imageName' | 'className'>): string {
  return `${row.imageName}\u0000${row.className}`;
}

const MESSAGES: Readonly<Record<string, string>> = { ENOENT: 'there is no such file', EISDIR: 'this is a folder' };

function unreadable(path: string, cause: unknown): CarpalError {
  const what = MESSAGES[systemErrorCode(cause) ?? ''] ?? `the file cannot be read: ${messageOf(cause)}`;
  return new CarpalError('submission-unreadable', what, { where: path, cause });
}

async function readRows(path: string, handle: FileHandle): Promise<SubmissionRow[]> {
  const rows: SubmissionRow[] = [];
  let lineNumber = 0;
  for await (const { bytes, offset } of linesOf(path, handle)) {
    lineNumber += 1;
    const where = `${path}:${lineNumber}`;
    if (lineNumber === 1) checkHeader(bytes, where);
    else if (bytes.length > 0) rows.push(rowOf(bytes, offset, lineNumber, where));
    else throw new CarpalError('submission-invalid', 'the line is empty', { where });
  }
  if (lineNumber === 0)
    throw new CarpalError('submission-invalid', `the file is empty; its first line must be ${SUBMISSION_HEADER}`, { where: path });
  return rows;
}

function checkHeader(bytes: Buffer, where: string): void {
  const text = bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .replaceAll('"', '');
  if (text === SUBMISSION_HEADER) return;
  throw new CarpalError('submission-invalid', `the first line is "${text.slice(0, 60)}" but must be ${SUBMISSION_HEADER}`, { where });
}

/** Lines without their ending (LF or CRLF), each with its offset in the file. A buffer is valid only until the next line is requested. */
async function* linesOf(path: string, handle: FileHandle): AsyncGenerator<{ bytes: Buffer; offset: number }> {
  let rest: Buffer = Buffer.alloc(0);
  let offset = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(Math.max(CHUNK, rest.length));
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, offset + rest.length);
    if (bytesRead === 0) break;
    const held = rest.length === 0 ? chunk.subarray(0, bytesRead) : Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    let start = 0;
    for (let end = held.indexOf(10, rest.length); end >= 0; end = held.indexOf(10, start)) {
      yield { bytes: held.subarray(start, end > start && held[end - 1] === 13 ? end - 1 : end), offset: offset + start };
      start = end + 1;
    }
    rest = held.subarray(start);
    offset += start;
    if (rest.length > LONGEST_LINE)
      throw new CarpalError('submission-invalid', 'a line is longer than 64 MiB', { where: `${path}, byte ${offset}` });
  }
  if (rest.length > 0) yield { bytes: rest.at(-1) === 13 ? rest.subarray(0, -1) : rest, offset };
}

/** The bytes [from, to) of a field without its quotes, and the start of the next field (the line's length + 1 after the last one). */
type Field = { readonly from: number; readonly to: number; readonly next: number; readonly escaped: boolean };

function fieldAt(bytes: Buffer, from: number, where: string): Field {
  if (bytes[from] !== QUOTE) {
    const comma = bytes.indexOf(COMMA, from);
    const to = comma < 0 ? bytes.length : comma;
    return { from, to, next: to + 1, escaped: false };
  }
  let escaped = false;
  let end = bytes.indexOf(QUOTE, from + 1);
  while (end >= 0 && bytes[end + 1] === QUOTE) {
    escaped = true;
    end = bytes.indexOf(QUOTE, end + 2);
  }
  if (end < 0) throw new CarpalError('submission-invalid', `the quote at column ${from + 1} is not closed on this line`, { where });
  if (end + 1 < bytes.length && bytes[end + 1] !== COMMA) {
    throw new CarpalError('submission-invalid', `a comma must follow the closing quote at column ${end + 1}`, { where });
  }
  return { from: from + 1, to: end, next: end + 2, escaped };
}

const COMMA = 44;
const QUOTE = 34;

function rowOf(bytes: Buffer, offset: number, line: number, where: string): SubmissionRow {
  const fields: Field[] = [];
  for (let at = 0; at <= bytes.length && fields.length < 4; at = (fields.at(-1) as Field).next) fields.push(fieldAt(bytes, at, where));
  const [image, className, rle] = fields;
  if (!image || !className || !rle || fields.length !== 3) {
    throw new CarpalError(
      'submission-invalid',
      `a row has 3 fields (${SUBMISSION_HEADER}); this one has ${fields.length > 3 ? 'more' : fields.length}`,
      { where },
    );
  }
  const text = (field: Field): string => {
    const raw = bytes.toString('utf8', field.from, field.to);
    return field.escaped ? raw.replaceAll('""', '"') : raw;
  };
  const imageName = plainName(text(image));
  if (imageName === '') throw new CarpalError('submission-invalid', 'image_name is empty', { where });
  return { line, imageName, className: text(className), rleOffset: offset + rle.from, rleLength: rle.to - rle.from };
}
