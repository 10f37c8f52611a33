import { randomFor } from '@carpal/masks/random.ts';
import { describe, expect, it } from 'vitest';
import { blurImage, equalizeTiles } from './pixel-filters.ts';

const SIZE = 41;
const blurred = (image: Float32Array, sigma: number): Float32Array => {
  const out = image.slice();
  blurImage(out, SIZE, sigma, new Float32Array(SIZE * SIZE));
  return out;
};

describe('blurImage', () => {
  it.each([0.3, 1, 2.5])('spreads a point as a Gaussian of sigma %f, up to three sigmas', (sigma) => {
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

  it('leaves a constant image unchanged up to its border, and keeps the range of any other', () => {
    expect(blurred(new Float32Array(SIZE * SIZE).fill(0.7), 10).every((value) => Math.abs(value - 0.7) < 1e-6)).toBe(true);
    const noise = Float32Array.from({ length: SIZE * SIZE }, (_, i) => randomFor(2, i).next());
    const smooth = blurred(noise, 4);
    expect(Math.min(...smooth)).toBeGreaterThan(0.3);
    expect(Math.max(...smooth)).toBeLessThan(0.7);
  });

  it('accepts a kernel wider than the image', () => {
    expect(blurred(new Float32Array(SIZE * SIZE).fill(0.5), 100).every((value) => Math.abs(value - 0.5) < 1e-6)).toBe(true);
  });
});

import vectors from './fixtures/clahe-vectors.json' with { type: 'json' };

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'));
const whole = bytes(vectors.image.pixels);
const corner = (size: number): Uint8Array =>
  Uint8Array.from({ length: size * size }, (_, i) => whole[Math.floor(i / size) * vectors.image.size + (i % size)] as number);

describe('equalizeTiles', () => {
  it.each(vectors.cases)(
    'matches OpenCV’s CLAHE to within one level: $size px, limit $clipLimit, $tiles tiles',
    ({ pixels, ...settings }) => {
      const out = new Uint8Array(settings.size ** 2);
      equalizeTiles(corner(settings.size), settings, out);
      const differences = bytes(pixels).map((value, i) => Math.abs(value - (out[i] as number)));
      expect(Math.max(...differences)).toBeLessThanOrEqual(1);
      // Values halfway between two levels may round either way: OpenCV interpolates in 32 bits.
      expect(differences.filter((value) => value > 0).length / out.length).toBeLessThan(0.05);
    },
  );

  it('can write to the image itself', () => {
    const settings = { size: 96, clipLimit: 2, tiles: 8 };
    const [image, out] = [whole.slice(), new Uint8Array(96 * 96)];
    equalizeTiles(image, settings, out);
    equalizeTiles(image, settings, image);
    expect(image).toEqual(out);
  });

  it('maps a constant image to one level', () => {
    const out = new Uint8Array(64 * 64);
    equalizeTiles(new Uint8Array(64 * 64).fill(90), { size: 64, clipLimit: 2, tiles: 4 }, out);
    expect(new Set(out).size).toBe(1);
  });
});
