import { dice } from '@carpal/masks/measure.ts';
import { bitmapFromMask, equalMasks, maskFromBitmap, type RleMask } from '@carpal/masks/rle-mask.ts';
import { formatRle, parseRle } from '@carpal/masks/rle-text.ts';
import type { ComparedCase } from '../harness/case.ts';
import type { Figure } from '../harness/figure.ts';
import { measure, measureEach } from '../harness/measure.ts';
import { IMAGE_SIZE, makePhantoms, phantomMasks } from '../harness/phantoms.ts';
import { parseCompressedCoco } from './coco-format.ts';

const IMAGES = 40;
/** Each has two hands. */
const PEOPLE = IMAGES / 2;
const REPETITIONS = 5;

/** The masks of several images. */
type Images = readonly (readonly RleMask[])[];

/** Compares with pycocotools, the C library that detection benchmarks use, working on its own RLE format. One thread on each side. */
const againstCoco = (
  name: 'coco-encode' | 'coco-decode' | 'coco-dice',
  what: string,
  work: (images: Images, items: number) => Promise<Figure>,
): ComparedCase => ({
  name,
  item: 'mask',
  what: `${what}, ${IMAGES} images × 29 classes`,
  against: 'pycocotools',
  goal: 1,
  run: async ({ scratch, classes, baselines }) => {
    const images = await phantomMasks(await makePhantoms(scratch, PEOPLE), classes, IMAGES);
    const request = { annotations: images.map(({ annotation }) => annotation), classes, repetitions: REPETITIONS };
    const { firstMasks = [], ...baseline } = await baselines.original(name, request);
    const masks = images.map((image) => image.masks);
    checkSameMasks(masks[0] ?? [], firstMasks);
    return { ours: await work(masks, IMAGES * classes.length), baseline };
  },
});

/** Throws unless both sides work on the same masks. */
function checkSameMasks(masks: readonly RleMask[], baselineMasks: readonly string[]): void {
  const differs = masks.findIndex((mask, index) => {
    const counts = baselineMasks[index];
    return counts === undefined || !equalMasks(parseCompressedCoco({ size: [mask.height, mask.width], counts }), mask);
  });
  if (differs !== -1) throw new Error(`mask ${differs} of the first image differs between carpal and pycocotools`);
}

/** The bitmaps of an image take 120 MB, so both sides hold those of one image at a time. Making them is not timed. */
export const cocoEncode = againstCoco('coco-encode', `bitmaps at ${IMAGE_SIZE}² to RLE masks`, (images, items) => {
  const bitmaps = Array.from({ length: items / images.length }, () => new Uint8Array(IMAGE_SIZE * IMAGE_SIZE));
  return measureEach(items, REPETITIONS, images, {
    // Writes every byte, as a network does: the system allocates the memory of a new bitmap only on its first access.
    prepare: (masks) => {
      for (const [index, mask] of masks.entries()) bitmaps[index]?.set(bitmapFromMask(mask));
    },
    work: () => bitmaps.map((bitmap) => maskFromBitmap(bitmap, IMAGE_SIZE, IMAGE_SIZE)),
  });
});

/** carpal decodes the text of a submission, pycocotools its compressed counts. */
export const cocoDecode = againstCoco('coco-decode', `RLE to bitmaps at ${IMAGE_SIZE}²`, (images, items) => {
  const texts = images.map((masks) => masks.map(formatRle));
  return measureEach(items, REPETITIONS, texts, {
    prepare: (rles) => rles,
    work: (rles) => rles.map((rle) => bitmapFromMask(parseRle(rle, IMAGE_SIZE, IMAGE_SIZE))),
  });
});

export const cocoDice = againstCoco('coco-dice', 'Dice of pairs of RLE masks', (images, items) =>
  measure(items, REPETITIONS, () => {
    for (const [index, masks] of images.entries()) {
      const others = images[(index + 1) % images.length] ?? [];
      for (const [classIndex, mask] of masks.entries()) dice(mask, others[classIndex] ?? mask);
    }
  }),
);
