import { dice } from '@carpal/masks/dice.ts';
import { formatRle, parseRle } from '@carpal/masks/rle-text.ts';
import { maskFromRuns, runsFromMask } from '@carpal/masks/runs.ts';
import type { Benchmark } from './benchmark.ts';
import { measure } from './figure.ts';
import { SHEET, sheetMasks } from './sheet-masks.ts';

/** Bitmaps take 120 MB an image; runs take nothing. */
const IMAGES = { bitmaps: 4, runs: 16 } as const;
const REPETITIONS = 9;

/** Beside pycocotools, the C library that detection benchmarks use: its own work on its own form of runs. */
const besideCoco = (
  name: 'coco-encode' | 'coco-decode' | 'coco-dice',
  what: string,
  images: number,
  work: (sheets: Awaited<ReturnType<typeof sheetMasks>>) => () => unknown,
): Benchmark => ({
  name,
  item: 'mask',
  what: `${what}; the peer is pycocotools`,
  goal: 1,
  run: async ({ phantoms, classes, peer }) => {
    const sheets = await sheetMasks(phantoms, classes, images);
    const request = { annotations: sheets.map(({ annotation }) => annotation), classes, repetitions: REPETITIONS };
    const theirs = await peer(name, request);
    return { ours: await measure(sheets.length * classes.length, REPETITIONS, work(sheets)), peer: theirs };
  },
});

export const cocoEncode = besideCoco('coco-encode', `bitmaps at ${SHEET}² to runs`, IMAGES.bitmaps, (sheets) => {
  const bitmaps = sheets.flatMap(({ masks }) => masks.map(maskFromRuns));
  return () => bitmaps.map((bitmap) => runsFromMask(bitmap, SHEET, SHEET));
});

/** From text here, which a submission holds; from its compressed counts there. */
export const cocoDecode = besideCoco('coco-decode', `RLE to bitmaps at ${SHEET}²`, IMAGES.bitmaps, (sheets) => {
  const texts = sheets.flatMap(({ masks }) => masks.map(formatRle));
  return () => texts.map((text) => maskFromRuns(parseRle(text, SHEET, SHEET)));
});

export const cocoDice = besideCoco('coco-dice', 'Dice of pairs of masks as runs', IMAGES.runs, (sheets) => () => {
  for (const [index, { masks }] of sheets.entries()) {
    const others = sheets[(index + 1) % sheets.length]?.masks ?? [];
    for (const [classIndex, mask] of masks.entries()) dice(mask, others[classIndex] ?? mask);
  }
});
