import { readFile, stat } from 'node:fs/promises';
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';

/** Rows of texts; the first row holds the names of the columns. */
export type TableRows = readonly (readonly string[])[];

/** A table of people has some kilobytes. */
const FILE_LIMIT = 16 * 2 ** 20;
/** An xlsx file is a ZIP archive, which can hold far more than its size. */
const UNPACKED_LIMIT = 64 * 2 ** 20;
const DELIMITERS = [',', ';', '\t', '|'];
/** Texts of control characters that spreadsheets leave in cells, such as _x0008_, and the characters themselves. */
const STRAY = /_x00[01][0-9A-Fa-f]_|\p{Cc}/gu;

/**
 * Reads a table from an xlsx file (its first sheet) or from a CSV file in UTF-8, UTF-16 or cp949, with commas, semicolons, tabs or bars. Cells
 * are trimmed, composed (NFC) and free of control characters; empty rows are left out. Throws `table-unreadable`.
 */
export async function readTableFile(path: string): Promise<TableRows> {
  const unreadable = (what: string, cause?: unknown): CarpalError => new CarpalError('table-unreadable', what, { where: path, cause });
  const failed = (cause: unknown): never => {
    throw unreadable(`it cannot be read: ${messageOf(cause)}`, cause);
  };
  const { size } = await stat(path).catch(failed);
  if (size > FILE_LIMIT)
    throw unreadable(`it has ${Math.ceil(size / 2 ** 20)} MiB; tables of at most ${FILE_LIMIT / 2 ** 20} MiB are read`);
  const bytes = await readFile(path).catch(failed);
  try {
    const rows = /\.xlsx$/i.test(path) ? await sheetRows(bytes) : await csvRows(bytes);
    return rows.map((row) => row.map(plainCell)).filter((row) => row.some((cell) => cell !== ''));
  } catch (cause) {
    throw unreadable(`it is not a table: ${messageOf(cause)}`, cause);
  }
}

const plainCell = (text: string): string => text.normalize('NFC').replace(STRAY, '').trim();

async function sheetRows(bytes: Buffer): Promise<string[][]> {
  const { unzipSync } = await import('fflate');
  let unpacked = 0;
  // Nothing is unpacked here: the filter only adds the sizes up. The unpacker never writes more than the size that an entry declares.
  unzipSync(bytes, {
    filter: ({ originalSize }) => {
      unpacked += originalSize;
      return false;
    },
  });
  if (unpacked > UNPACKED_LIMIT) throw new Error(`it unpacks to more than ${UNPACKED_LIMIT / 2 ** 20} MiB`);
  const { readSheet } = await import('read-excel-file/universal');
  const rows = await readSheet(new Blob([Uint8Array.from(bytes)]));
  return rows.map((row) => row.map((cell) => (cell === null ? '' : String(cell))));
}

async function csvRows(bytes: Buffer): Promise<string[][]> {
  const { parse } = await import('csv-parse/sync');
  const text = decode(bytes);
  const header = text.split(/\r?\n/, 1)[0] ?? '';
  const fields = (delimiter: string): number => header.split(delimiter).length;
  const delimiter = DELIMITERS.reduce((best, next) => (fields(next) > fields(best) ? next : best));
  return parse(text, { delimiter, relax_column_count: true, relax_quotes: true, skip_empty_lines: true });
}

/** Text without its byte order mark. Bytes that are not UTF-8 are Korean text as Windows writes it: "euc-kr" of the standard is cp949. */
function decode(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('euc-kr', { fatal: true }).decode(bytes);
  }
}
