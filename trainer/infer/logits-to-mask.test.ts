import { squareFit } from '@carpal/masks/fit.ts';
import { randomFor } from '@carpal/masks/random.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LogitsToMask, logitsToMask } from './logits-to-mask.ts';

/** The reference method: interpolates and compares every image pixel. */
function naive({ logits, classIndex, classes, fit, width, height, threshold }: LogitsToMask): Uint8Array {
  const mask = new Uint8Array(width * height);
  const place = (pixel: number, offset: number): [number, number, number] => {
    const at = Math.min(Math.max((pixel + 0.5 - offset) / fit.scale - 0.5, 0), fit.size - 1);
    const lower = Math.min(Math.floor(at), Math.max(fit.size - 2, 0));
    return [lower, Math.min(lower + 1, fit.size - 1), at - lower];
  };
  for (let y = 0; y < height; y++) {
    const [top, bottom, down] = place(y, fit.offsetY);
    for (let x = 0; x < width; x++) {
      const [left, right, across] = place(x, fit.offsetX);
      const value = (row: number, column: number): number => logits[(row * fit.size + column) * classes + classIndex] as number;
      const near = value(top, left) * (1 - down) + value(bottom, left) * down;
      const far = value(top, right) * (1 - down) + value(bottom, right) * down;
      if (1 / (1 + Math.exp(-(near * (1 - across) + far * across))) > threshold) mask[y * width + x] = 1;
    }
  }
  return mask;
}

function maskOf(bounds: Uint32Array, pixels: number): Uint8Array {
  const mask = new Uint8Array(pixels);
  for (let i = 0; i < bounds.length; i += 2) mask.fill(1, bounds[i], bounds[i + 1]);
  return mask;
}

/** Logits of a soft disc per class, so that outline cells, full cells and empty cells all occur. With `noise`, plain noise. */
function logitsOf(seed: number, size: number, classes: number, noise: boolean): Float32Array {
  const random = randomFor(seed, 'logits');
  const logits = new Float32Array(size * size * classes);
  for (let channel = 0; channel < classes; channel++) {
    const [x, y, radius, slope] = [random.range(0, size), random.range(0, size), random.range(0, size / 2), random.range(0.2, 6)];
    for (let i = 0; i < size * size; i++) {
      const distance = Math.hypot((i % size) - x, Math.floor(i / size) - y);
      logits[i * classes + channel] = noise ? random.normal() * 3 : (radius - distance) * slope + random.normal() * 0.1;
    }
  }
  return logits;
}

describe('logitsToMask', () => {
  it('equals the reference method on images of any size', () => {
    const request = fc.record({
      seed: fc.integer(),
      size: fc.integer({ min: 1, max: 20 }),
      width: fc.integer({ min: 1, max: 70 }),
      height: fc.integer({ min: 1, max: 70 }),
      classes: fc.integer({ min: 1, max: 3 }),
      noise: fc.boolean(),
      threshold: fc.double({ min: 0.05, max: 0.95, noNaN: true }),
    });
    fc.assert(
      fc.property(request, ({ seed, size, width, height, classes, noise, threshold }) => {
        const logits = logitsOf(seed, size, classes, noise);
        const classIndex = classes - 1;
        const whole: LogitsToMask = { logits, classIndex, classes, fit: squareFit(width, height, size), width, height, threshold };
        const mask = logitsToMask(whole);
        for (let i = 0; i + 2 < mask.bounds.length; i++) expect(mask.bounds[i]).toBeLessThan(mask.bounds[i + 1] as number);
        expect(maskOf(mask.bounds, width * height)).toEqual(naive(whole));
      }),
      { numRuns: 300 },
    );
  });

  it('excludes a pixel at exactly the threshold', () => {
    const fit = squareFit(4, 4, 2);
    const flat = { logits: new Float32Array(4), classIndex: 0, classes: 1, fit, width: 4, height: 4 };
    expect(logitsToMask({ ...flat, threshold: 0.5 }).bounds.length).toBe(0);
    expect([...logitsToMask({ ...flat, threshold: 0.499 }).bounds]).toEqual([0, 16]);
  });

  it('joins the rows of a mask that covers the whole image into one run', () => {
    const logits = new Float32Array(9).fill(5);
    const mask = logitsToMask({
      logits,
      classIndex: 0,
      classes: 1,
      fit: squareFit(30, 50, 3),
      width: 30,
      height: 50,
      threshold: 0.5,
    });
    expect([...mask.bounds]).toEqual([0, 1500]);
  });
});
