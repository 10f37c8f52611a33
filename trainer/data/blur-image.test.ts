import { randomFor } from '@carpal/masks/random.ts';
import { describe, expect, it } from 'vitest';
import { blurImage } from './blur-image.ts';

const SIZE = 41;
const blurred = (image: Float32Array, sigma: number): Float32Array => {
  const out = image.slice();
  blurImage(out, SIZE, sigma, new Float32Array(SIZE * SIZE));
  return out;
};

describe('blurImage', () => {
  it.each([0.3, 1, 2.5])('spreads a point as a Gaussian of sigma %f, to three sigmas', (sigma) => {
    const point = new Float32Array(SIZE * SIZE);
    point[20 * SIZE + 20] = 1;
    const spread = blurred(point, sigma);
    const reach = Math.max(1, Math.ceil(3 * sigma));
    const bell = (distance: number): number => (Math.abs(distance) > reach ? 0 : Math.exp(-(distance * distance) / (2 * sigma * sigma)));
    let sum = 0;
    for (let k = -reach; k <= reach; k++) sum += bell(k);
    spread.forEach((value, i) => {
      expect(value).toBeCloseTo((bell((i % SIZE) - 20) * bell(Math.floor(i / SIZE) - 20)) / (sum * sum), 6);
    });
  });

  it('leaves an even image as it is up to its border, and keeps the range of any other', () => {
    expect(blurred(new Float32Array(SIZE * SIZE).fill(0.7), 10).every((value) => Math.abs(value - 0.7) < 1e-6)).toBe(true);
    const noise = Float32Array.from({ length: SIZE * SIZE }, (_, i) => randomFor(2, i).next());
    const smooth = blurred(noise, 4);
    expect(Math.min(...smooth)).toBeGreaterThan(0.3);
    expect(Math.max(...smooth)).toBeLessThan(0.7);
  });

  it('takes a kernel wider than the image', () => {
    expect(blurred(new Float32Array(SIZE * SIZE).fill(0.5), 100).every((value) => Math.abs(value - 0.5) < 1e-6)).toBe(true);
  });
});
