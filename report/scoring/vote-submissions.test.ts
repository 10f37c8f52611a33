import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomFor, shuffled } from '@carpal/masks/random.ts';
import { maskFromBitmap } from '@carpal/masks/rle-mask.ts';
import { formatRle } from '@carpal/masks/rle-text.ts';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { majorityOf, voteSubmissions } from './vote-submissions.ts';

const folder = mkdtempSync(join(tmpdir(), 'carpal-vote-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const out = join(folder, 'out.csv');

function submission(name: string, rows: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `image_name,class,rle\n${rows.map((row) => `${row}\n`).join('')}`);
  return path;
}

describe('voteSubmissions', () => {
  it('equals counting votes pixel by pixel, for any order of rows', async () => {
    const [width, height] = [9, 7];
    const shape = fc.record({ files: fc.integer({ min: 1, max: 6 }), seed: fc.integer(), votes: fc.integer({ min: 1, max: 6 }) });
    await fc.assert(
      fc.asyncProperty(shape, async ({ files, seed, votes }) => {
        const random = randomFor(seed, 'vote');
        const keys = ['a.png,Radius', 'a.png,Ulna', 'b.png,Radius', 'b.png,Ulna'];
        const masks = keys.map(() =>
          Array.from({ length: files }, () => Uint8Array.from({ length: width * height }, () => random.integer(2))),
        );
        const minVotes = Math.min(votes, files);
        const paths = Array.from({ length: files }, (_, file) => {
          const rows = keys.map((key, k) => `${key},${formatRle(maskFromBitmap(masks[k]?.[file] as Uint8Array, width, height))}`);
          return submission(`${file}.csv`, file === 0 ? rows : shuffled(rows, random));
        });
        await voteSubmissions({ files: paths, out, minVotes, ...(seed % 2 === 0 ? { size: { width, height } } : {}) });
        const expected = keys.map((key, k) => {
          const counted = Uint8Array.from({ length: width * height }, (_, pixel) => {
            const count = (masks[k] ?? []).reduce((sum, mask) => sum + (mask[pixel] as number), 0);
            return count >= minVotes ? 1 : 0;
          });
          return `${key},${formatRle(maskFromBitmap(counted, width, height))}`;
        });
        expect(readFileSync(out, 'utf8').trim().split('\n').slice(1)).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [7, 4],
  ])('needs a majority of %i files: %i votes', (files, votes) => {
    expect(majorityOf(files)).toBe(votes);
  });

  it('names every file with missing or repeated rows and writes nothing', async () => {
    rmSync(out, { force: true });
    const whole = submission('whole.csv', ['a.png,Radius,1 2', 'a.png,Ulna,']);
    const short = submission('short.csv', ['a.png,Ulna,']);
    const double = submission('double.csv', ['a.png,Radius,', 'a.png,Ulna,', 'a.png,Radius,1 2']);
    const vote = voteSubmissions({ files: [whole, short, double], out });
    await expect(vote).rejects.toMatchObject({
      code: 'submission-invalid',
      message: `${short} lacks 1 row that another file has, first a.png, Radius; ${double} has 1 row twice, first a.png, Radius on lines 2 and 4`,
    });
    expect(readdirSync(folder).filter((name) => name.startsWith('out.csv'))).toEqual([]);
  });

  it('reports a row that only one of several files has, with its line', async () => {
    const whole = submission('whole.csv', ['a.png,Radius,1 2', 'a.png,Ulna,']);
    const [same, more] = [
      submission('same.csv', ['a.png,Ulna,', 'a.png,Radius,']),
      submission('more.csv', ['a.png,Radius,', 'b.png,Ulna,', 'a.png,Ulna,']),
    ];
    await expect(voteSubmissions({ files: [whole, same, more], out })).rejects.toMatchObject({
      code: 'submission-invalid',
      message: `${more} has 1 row that no other file has, first b.png, Ulna on line 3`,
    });
    await expect(voteSubmissions({ files: [whole, more], out })).rejects.toMatchObject({
      message: `${whole} lacks 1 row that another file has, first b.png, Ulna`,
    });
  });

  it.each([
    [['1 4', '3 4'], '3 2'],
    [['1 4', '3 4', '5 2'], '3 4'],
    [['1 2', '3 2', '5 2', '1 6'], ''],
  ])('keeps the pixels that more than half of the masks %j contain if no number of votes is given', async (masks, kept) => {
    const files = masks.map((mask, index) => submission(`${index}.csv`, [`a.png,Radius,${mask}`]));
    await voteSubmissions({ files, out });
    expect(readFileSync(out, 'utf8')).toBe(`image_name,class,rle\na.png,Radius,${kept}\n`);
  });

  it('rejects a number of votes above the number of files', async () => {
    const one = submission('one.csv', ['a.png,Radius,1 2']);
    await expect(voteSubmissions({ files: [one], out, minVotes: 2 })).rejects.toMatchObject({ code: 'usage-invalid' });
  });

  it('names the position of an invalid mask and leaves no file behind', async () => {
    rmSync(out, { force: true });
    const bad = submission('bad.csv', ['a.png,Radius,5 2 3 1']);
    await expect(voteSubmissions({ files: [bad], out })).rejects.toMatchObject({ where: `${bad}:2` });
    expect(readdirSync(folder).filter((name) => name.startsWith('out.csv'))).toEqual([]);
  });
});
