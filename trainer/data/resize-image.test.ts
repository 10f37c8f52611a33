import { squareFit } from '@carpal/masks/fit.ts';
import { randomFor } from '@carpal/masks/random.ts';
import type { Radiograph } from '@carpal/report/dataset/radiograph.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resizeToSquare } from './resize-image.ts';

const radiographOf = (width: number, height: number, valueAt: (x: number, y: number) => number): Radiograph => ({
  width,
  height,
  white: 255,
  pixels: Uint8Array.from({ length: width * height }, (_, i) => valueAt(i % width, Math.floor(i / width))),
});
const noise = (width: number, height: number): Radiograph => {
  const random = randomFor(5, width, height);
  return radiographOf(width, height, () => random.integer(256));
};

/** The mean of the image over a square pixel, integrated pixel by pixel from the definition of the fit. */
function boxMean({ width, height, pixels }: Radiograph, size: number, i: number, j: number): number {
  const { scale, offsetX, offsetY } = squareFit(width, height, size);
  const share = (low: number, at: number): number => Math.max(0, Math.min(low + scale, at + 1) - Math.max(low, at));
  let sum = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++)
      sum += share(i * scale + offsetX, x) * share(j * scale + offsetY, y) * (pixels[y * width + x] as number);
  }
  return sum / (scale * scale);
}

describe('resizeToSquare', () => {
  it.each([
    { width: 64, height: 64, size: 16, ratio: 'an integer ratio' },
    { width: 50, height: 50, size: 16, ratio: 'a fractional ratio' },
    { width: 37, height: 60, size: 16, ratio: 'a fractional ratio of a portrait image with an odd margin' },
    { width: 61, height: 40, size: 24, ratio: 'a landscape image' },
    { width: 16, height: 16, size: 16, ratio: 'an unchanged size' },
  ])('returns the exact mean over each pixel for $ratio ($width × $height → $size)', ({ width, height, size }) => {
    const radiograph = noise(width, height);
    const image = resizeToSquare(radiograph, squareFit(width, height, size));
    for (let j = 0; j < size; j++) {
      for (let i = 0; i < size; i++)
        expect(Math.abs((image[j * size + i] as number) - boxMean(radiograph, size, i, j))).toBeLessThanOrEqual(0.501);
    }
  });

  it.each([
    { side: 96, size: 24 },
    { side: 100, size: 64 },
    { side: 40, size: 64 },
    { side: 33, size: 100 },
  ])('does not shift a gradient from $side to $size', ({ side, size }) => {
    const slope = 200 / side;
    const image = resizeToSquare(
      radiographOf(side, side, (x) => Math.round(20 + slope * x)),
      squareFit(side, side, size),
    );
    const scale = side / size;
    // Excludes the border, where enlarging has no neighbour to interpolate; the mean over columns is finer than a grey level.
    let difference = 0;
    let count = 0;
    for (let i = Math.ceil(2 / scale) + 1; i < size - Math.ceil(2 / scale) - 1; i++) {
      difference += (image[5 * size + i] as number) - (20 + slope * ((i + 0.5) * scale - 0.5));
      count++;
    }
    expect(Math.abs(difference / count / slope)).toBeLessThan(0.1);
  });

  it('keeps the position of an edge to a twentieth of an image pixel, when enlarging and when reducing', () => {
    for (const [side, size] of [
      [60, 23],
      [60, 90],
      [60, 30],
    ] as const) {
      const image = resizeToSquare(
        radiographOf(side, side, (x) => (x < 30 ? 0 : 240)),
        squareFit(side, side, size),
      );
      // The width of the bright part from its area: 30 of 60 image pixels.
      let bright = 0;
      for (let i = 0; i < size; i++) bright += (image[3 * size + i] as number) / 240;
      expect(Math.abs(bright * (side / size) - 30)).toBeLessThan(0.05);
    }
  });

  it('pads an image that is not square with black, equally on both sides', () => {
    const image = resizeToSquare(
      radiographOf(20, 40, () => 100),
      squareFit(20, 40, 20),
    );
    expect(Array.from(image.subarray(0, 20))).toEqual([...new Array(5).fill(0), ...new Array(10).fill(100), ...new Array(5).fill(0)]);
  });

  it('gives a 16-bit image the same bytes as the same image in 8 bits', () => {
    const radiograph = noise(50, 70);
    const deep: Radiograph = { ...radiograph, white: 65535, pixels: Uint16Array.from(radiograph.pixels, (value) => value * 257) };
    const fit = squareFit(50, 70, 32);
    expect(resizeToSquare(deep, fit)).toEqual(resizeToSquare(radiograph, fit));
  });

  it('stays in the range of the image, and keeps a constant image constant, for any size', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 255 }),
        (width, height, size, grey) => {
          const side = Math.max(width, height);
          const image = resizeToSquare(
            radiographOf(side, side, () => grey),
            squareFit(side, side, size),
          );
          expect(image.every((value) => value === grey)).toBe(true);
          const letterboxed = resizeToSquare(
            radiographOf(width, height, () => grey),
            squareFit(width, height, size),
          );
          expect(letterboxed.every((value) => value <= grey)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });
});
