import { join } from 'node:path';
import { bitmapFromMask, maskFromBitmap } from '@carpal/masks/rle-mask.ts';
import { formatRle, parseRle } from '@carpal/masks/rle-text.ts';
import { writeSubmission } from '@carpal/report/scoring/submission-writer.ts';
import type { ComparedCase, ComparedInput } from '../harness/case.ts';
import { measure } from '../harness/measure.ts';
import { IMAGE_SIZE, type PhantomMasks, phantomMasks } from '../harness/phantoms.ts';

const REPETITIONS = 9;
const AGAINST = "the original's method in numpy";

async function firstPhantom({ phantoms, classes }: ComparedInput): Promise<PhantomMasks> {
  const [image] = await phantomMasks(phantoms, classes, 1);
  if (!image) throw new Error('there are no phantoms');
  return image;
}

/** From a full-size bitmap, as a network's output would be, to text. carpal itself never holds such a bitmap; the original does. */
export const rleEncode: ComparedCase = {
  name: 'rle-encode',
  item: 'mask',
  what: `bitmaps of 29 classes at ${IMAGE_SIZE}² to RLE text`,
  against: AGAINST,
  goal: 4,
  run: async (input) => {
    const image = await firstPhantom(input);
    const request = { annotation: image.annotation, classes: input.classes, repetitions: REPETITIONS };
    const baseline = await input.baselines.original('encode', request);
    const bitmaps = image.masks.map(bitmapFromMask);
    const encode = () => bitmaps.map((bitmap) => formatRle(maskFromBitmap(bitmap, IMAGE_SIZE, IMAGE_SIZE)));
    return { ours: await measure(bitmaps.length, REPETITIONS, encode), baseline };
  },
};

/** From text to the form that Dice and votes are computed on: RLE masks in carpal, bitmaps in the original. */
export const rleDecode: ComparedCase = {
  name: 'rle-decode',
  item: 'mask',
  what: `RLE text of 29 classes at ${IMAGE_SIZE}² to RLE masks`,
  against: `${AGAINST}, which decodes to bitmaps`,
  goal: 5,
  run: async (input) => {
    const image = await firstPhantom(input);
    const submission = join(input.scratch, 'decode.csv');
    await writeSubmission(submission, async (writer) => {
      for (const [index, mask] of image.masks.entries()) await writer.write(image.imageName, input.classes[index] ?? '', mask);
    });
    const baseline = await input.baselines.original('decode', { submission, rows: image.masks.length, repetitions: REPETITIONS });
    const texts = image.masks.map(formatRle);
    const ours = await measure(texts.length, REPETITIONS, () => texts.map((text) => parseRle(text, IMAGE_SIZE, IMAGE_SIZE)));
    return { ours, baseline };
  },
};
