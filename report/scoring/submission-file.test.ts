import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emptyMask, maskFromBitmap } from '@carpal/masks/rle-mask.ts';
import { afterAll, describe, expect, it } from 'vitest';
import { doubledRows, readRowMask, SubmissionFile } from './submission-file.ts';
import { writeSubmission } from './submission-writer.ts';
import { submissionRows } from './testing/submission-rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'carpal-submission-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(text: string): string {
  const path = join(folder, 'given.csv');
  writeFileSync(path, text);
  return path;
}

const HEADER = 'image_name,class,rle\n';
const ROWS = [
  ['a.png', 'Radius', '1 2 9 4'],
  ['a.png', 'Ulna', ''],
];

describe('SubmissionFile', () => {
  it.each([
    ['LF line endings', `${HEADER}a.png,Radius,1 2 9 4\na.png,Ulna,\n`],
    ['no line ending after the last row', `${HEADER}a.png,Radius,1 2 9 4\na.png,Ulna,`],
    ['CRLF line endings', 'image_name,class,rle\r\na.png,Radius,1 2 9 4\r\na.png,Ulna,\r\n'],
    ['quoted fields', '"image_name","class","rle"\n"a.png","Radius","1 2 9 4"\na.png,"Ulna",""\n'],
    ['a byte order mark', `\uFEFF${HEADER}a.png,Radius,1 2 9 4\na.png,Ulna,\n`],
  ])('reads %s', async (_, text) => {
    expect(await submissionRows(fileOf(text))).toEqual(ROWS);
  });

  it('reads names with commas and quotes', async () => {
    const [row] = await submissionRows(fileOf(`${HEADER}"a ""left"", old.png",Radius,1 2\n`));
    expect(row).toEqual(['a "left", old.png', 'Radius', '1 2']);
  });

  it('reads rows that are longer than its buffer, across chunk boundaries', async () => {
    const long = Array.from({ length: 400_000 }, (_, i) => `${i * 3 + 1} 2`).join(' ');
    const rows = await submissionRows(fileOf(`${HEADER}a.png,Radius,${long}\na.png,Ulna,7 7\nb.png,Radius,${long}\n`));
    expect(rows.map(([, , rle]) => rle.length)).toEqual([long.length, 3, long.length]);
    expect(rows[2]?.[2] === long).toBe(true);
  });

  it.each([
    ['an empty file', '', 'the file is empty', ''],
    ['another header', 'image,class,rle\n', 'the first line is "image,class,rle"', ':1'],
    ['an empty line', `${HEADER}\na.png,Radius,\n`, 'the line is empty', ':2'],
    ['two fields', `${HEADER}a.png,Radius\n`, 'this one has 2', ':2'],
    ['four fields', `${HEADER}a.png,Radius,1 2,3\n`, 'this one has more', ':2'],
    ['an unclosed quote', `${HEADER}a.png,Radius,"1 2\n`, 'the quote at column 14 is not closed', ':2'],
    ['text after a quote', `${HEADER}"a.png"x,Radius,1 2\n`, 'a comma must follow', ':2'],
    ['no image name', `${HEADER},Radius,1 2\n`, 'image_name is empty', ':2'],
  ])('rejects %s and names the line', async (_, text, what, place) => {
    const path = fileOf(text);
    await expect(SubmissionFile.open(path)).rejects.toMatchObject({
      code: 'submission-invalid',
      message: expect.stringContaining(what),
      where: path + place,
    });
  });

  it.each([
    ['a missing file', 'none.csv', 'there is no such file'],
    ['a folder', '', 'this is a folder'],
  ])('rejects %s', async (_, name, message) => {
    const path = join(folder, name);
    await expect(SubmissionFile.open(path)).rejects.toMatchObject({ code: 'submission-unreadable', message, where: path });
  });

  it('reports repeated rows with both lines', async () => {
    const file = await SubmissionFile.open(fileOf(`${HEADER}a.png,Radius,\nb.png,Radius,\na.png,Radius,1 1\n`));
    await file.close();
    expect(doubledRows(file.rows).map(({ row, first }) => [first.line, row.line])).toEqual([[2, 4]]);
  });
});

describe('readRowMask', () => {
  it.each([
    ['a start without a length', '1 2 7', 'at character 4'],
    ['a word', '1 two', 'at character 2'],
    ['a run beyond the last pixel', '15 3', 'at character 3'],
    ['runs that overlap', '1 5 4 2', 'at character 4'],
  ])('names file, line, row and character of %s', async (_, rle, place) => {
    const path = fileOf(`${HEADER}a.png,Ulna,\na.png,Radius,${rle}\n`);
    const file = await SubmissionFile.open(path);
    const row = file.rows[1];
    expect(row).toBeDefined();
    if (row) {
      const message = expect.stringMatching(`^a.png, Radius: .*${place}`);
      await expect(readRowMask(file, row, 4, 4)).rejects.toMatchObject({ code: 'submission-invalid', where: `${path}:3`, message });
    }
    await file.close();
  });
});

describe('writeSubmission', () => {
  it('writes a file that reads back unchanged', async () => {
    const path = join(folder, 'deep', 'out.csv');
    await writeSubmission(path, async (writer) => {
      await writer.write('a.png', 'Radius', maskFromBitmap(Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1), 4, 3));
      await writer.write('a.png', 'Ulna', emptyMask(4, 3));
    });
    expect(readFileSync(path, 'utf8')).toBe('image_name,class,rle\na.png,Radius,1 2 9 4\na.png,Ulna,\n');
  });

  it('leaves no file behind if the work fails', async () => {
    const place = join(folder, 'failing');
    const work = writeSubmission(join(place, 'out.csv'), async (writer) => {
      await writer.writeRle('a.png', 'Radius', '1 1');
      throw new Error('stopped');
    });
    await expect(work).rejects.toThrow('stopped');
    expect(readdirSync(place)).toEqual([]);
  });

  it('reports folder-unwritable if a file is in the way', async () => {
    await expect(writeSubmission(join(fileOf('x'), 'out.csv'), async () => {})).rejects.toMatchObject({ code: 'folder-unwritable' });
  });

  it.runIf(process.platform === 'linux')('reports disk-full if there is no space', async () => {
    const { SubmissionWriter } = await import('./submission-writer.ts');
    const path = join(folder, 'full.csv');
    const { symlinkSync } = await import('node:fs');
    symlinkSync('/dev/full', `${path}.partial-${process.pid}`);
    const work = async (): Promise<void> => {
      const writer = await SubmissionWriter.create(path);
      await writer.writeRle('a.png', 'Radius', '1 1 '.repeat(1000));
      await writer.finish();
    };
    await expect(work()).rejects.toMatchObject({ code: 'disk-full' });
    expect(readdirSync(folder).filter((name) => name.startsWith('full.csv'))).toEqual([]);
  });
});
