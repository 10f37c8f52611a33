import { join } from 'node:path';
import { bitmapFromMask, maskFromBitmap } from '@carpal/masks/rle-mask.ts';
import { formatRle, parseRle } from '@carpal/masks/rle-text.ts';
import { writeSubmission } from '@carpal/report/scoring/submission-writer.ts';
import type { Benchmark } from '../harness/case.ts';
import { measure } from '../harness/figure.ts';
import { imageMasks, SHEET } from '../harness/sheet-masks.ts';

const REPETITIONS = 9;

/** From a full-size bitmap, as a network's output would be, to text. carpal itself never holds such a bitmap; the peer's method does. */
export const rleEncode: Benchmark = {
  name: 'rle-encode',
  item: 'mask',
  what: `bitmaps of 29 classes at ${SHEET}² to RLE text`,
  goal: 4,
  run: async ({ phantoms, classes, peer }) => {
    const [sheet] = await imageMasks(phantoms, classes, 1);
    if (!sheet) throw new Error('there are no phantoms');
    const theirs = await peer('encode', { annotation: sheet.annotation, classes, repetitions: REPETITIONS });
    const bitmaps = sheet.masks.map(bitmapFromMask);
    const ours = await measure(bitmaps.length, REPETITIONS, () => bitmaps.map((bitmap) => formatRle(maskFromBitmap(bitmap, SHEET, SHEET))));
    return { ours, peer: theirs };
  },
};

/** From text to what Dice and votes are computed on: runs here, bitmaps there. */
export const rleDecode: Benchmark = {
  name: 'rle-decode',
  item: 'mask',
  what: `RLE text of 29 classes at ${SHEET}² to masks (runs here, bitmaps there)`,
  goal: 5,
  run: async ({ phantoms, classes, peer, scratch }) => {
    const [sheet] = await imageMasks(phantoms, classes, 1);
    if (!sheet) throw new Error('there are no phantoms');
    const submission = join(scratch, 'decode.csv');
    await writeSubmission(submission, async (writer) => {
      for (const [index, mask] of sheet.masks.entries()) await writer.write(sheet.imageName, classes[index] ?? '', mask);
    });
    const theirs = await peer('decode', { submission, rows: sheet.masks.length, repetitions: REPETITIONS });
    const texts = sheet.masks.map(formatRle);
    const ours = await measure(texts.length, REPETITIONS, () => texts.map((text) => parseRle(text, SHEET, SHEET)));
    return { ours, peer: theirs };
  },
};
