import { squareFit } from '@carpal/masks/fit.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { bitmapFromMask, maskFromBitmap } from '@carpal/masks/rle-mask.ts';
import { logitsToMask } from '@carpal/trainer/infer/logits-to-mask.ts';
import { describe, expect, it } from 'vitest';
import { argmaxOf, smallestFirst, withoutOverlap } from './single-label.ts';

const row = (text: string) =>
  maskFromBitmap(
    Uint8Array.from(text, (pixel) => (pixel === '#' ? 1 : 0)),
    text.length,
    1,
  );
const text = (mask: ReturnType<typeof row>): string => Array.from(bitmapFromMask(mask), (pixel) => (pixel === 1 ? '#' : '.')).join('');

describe('withoutOverlap', () => {
  it('gives shared pixels to the first mask in order', () => {
    const masks = [row('####..'), row('..###.')];
    expect(smallestFirst(masks)).toEqual([1, 0]);
    expect(withoutOverlap(masks, [1, 0]).map(text)).toEqual(['##....', '..###.']);
    expect(withoutOverlap(masks, [0, 1]).map(text)).toEqual(['####..', '....#.']);
  });
});

describe('argmaxOf', () => {
  it('gives each pixel to the class with the greatest logit, and removes no pixel that a mask holds', () => {
    const [size, classes, side] = [4, 3, 16];
    const random = randomFor(1, 'logits');
    const values = Float32Array.from({ length: size * size * classes }, () => random.normal());
    const fit = squareFit(side, side, size);
    const request = { logits: values, classes, fit, width: side, height: side, threshold: 0.5 };
    const masks = [0, 1, 2].map((classIndex) => logitsToMask({ ...request, classIndex }));
    const single = argmaxOf(masks, { values, classes, fit }).map(bitmapFromMask);
    const free = masks.map(bitmapFromMask);
    let shared = 0;
    for (let pixel = 0; pixel < side * side; pixel++) {
      const holders = free.filter((mask) => mask[pixel] === 1).length;
      if (holders > 1) shared += 1;
      expect(single.filter((mask) => mask[pixel] === 1)).toHaveLength(Math.min(1, holders));
    }
    expect(shared).toBeGreaterThan(0);
  });

  it('takes the greatest logit of each pixel if logits and image have the same size', () => {
    const values = Float32Array.of(2, 1, 1, 2, -1, -2, 3, -1);
    const fit = squareFit(2, 2, 2);
    const masks = [0, 1].map((classIndex) =>
      logitsToMask({ logits: values, classIndex, classes: 2, fit, width: 2, height: 2, threshold: 0.5 }),
    );
    expect(masks.map(text)).toEqual(['##.#', '##..']);
    expect(argmaxOf(masks, { values, classes: 2, fit }).map(text)).toEqual(['#..#', '.#..']);
  });
});
