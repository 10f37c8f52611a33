import { dice } from '@carpal/masks/dice.ts';
import { bitmapFromMask, maskFromBitmap, type RleMask } from '@carpal/masks/rle-mask.ts';
import { formatRle, parseRle } from '@carpal/masks/rle-text.ts';
import type { Benchmark } from '../harness/case.ts';
import { type Figure, measure, measureEach } from '../harness/figure.ts';
import { makePhantoms } from '../harness/phantoms.ts';
import { imageMasks, SHEET } from '../harness/sheet-masks.ts';

const IMAGES = 40;
/** Of two hands each. */
const PEOPLE = IMAGES / 2;
const REPETITIONS = 5;

/** Masks of several images. */
type Sheets = readonly (readonly RleMask[])[];

/** Beside pycocotools, the C library that detection benchmarks use: its own work on its own form of runs. One thread on each side. */
const besideCoco = (
  name: 'coco-encode' | 'coco-decode' | 'coco-dice',
  what: string,
  work: (sheets: Sheets, items: number) => Promise<Figure>,
): Benchmark => ({
  name,
  item: 'mask',
  what: `${what}, ${IMAGES} images × 29 classes; the peer is pycocotools`,
  goal: 1,
  run: async ({ scratch, classes, peer }) => {
    const sheets = await imageMasks(await makePhantoms(scratch, PEOPLE), classes, IMAGES);
    const request = { annotations: sheets.map(({ annotation }) => annotation), classes, repetitions: REPETITIONS };
    const theirs = await peer(name, request);
    const masks = sheets.map((sheet) => sheet.masks);
    return { ours: await work(masks, IMAGES * classes.length), peer: theirs };
  },
});

/** Bitmaps take 120 MB an image, so those of one are made at a time, which does not count; on the other side, too. */
export const cocoEncode = besideCoco('coco-encode', `bitmaps at ${SHEET}² to runs`, (sheets, items) => {
  const bitmaps = Array.from({ length: items / sheets.length }, () => new Uint8Array(SHEET * SHEET));
  return measureEach(items, REPETITIONS, sheets, {
    // Every byte is written, as by a network: a new bitmap gets its memory from the system when it is first read.
    prepare: (masks) => {
      for (const [index, mask] of masks.entries()) bitmaps[index]?.set(bitmapFromMask(mask));
    },
    work: () => bitmaps.map((bitmap) => maskFromBitmap(bitmap, SHEET, SHEET)),
  });
});

/** From text here, which a submission holds; from its compressed counts there. */
export const cocoDecode = besideCoco('coco-decode', `RLE to bitmaps at ${SHEET}²`, (sheets, items) => {
  const texts = sheets.map((masks) => masks.map(formatRle));
  return measureEach(items, REPETITIONS, texts, {
    prepare: (rles) => rles,
    work: (rles) => rles.map((rle) => bitmapFromMask(parseRle(rle, SHEET, SHEET))),
  });
});

export const cocoDice = besideCoco('coco-dice', 'Dice of pairs of masks as runs', (sheets, items) =>
  measure(items, REPETITIONS, () => {
    for (const [index, masks] of sheets.entries()) {
      const others = sheets[(index + 1) % sheets.length] ?? [];
      for (const [classIndex, mask] of masks.entries()) dice(mask, others[classIndex] ?? mask);
    }
  }),
);
