import { describe, expect, it } from 'vitest';
import { equalizeTiles } from './clahe.ts';
import vectors from './fixtures/clahe-vectors.json' with { type: 'json' };

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'));
const whole = bytes(vectors.image.pixels);
const corner = (size: number): Uint8Array =>
  Uint8Array.from({ length: size * size }, (_, i) => whole[Math.floor(i / size) * vectors.image.size + (i % size)] as number);

describe('equalizeTiles', () => {
  it.each(vectors.cases)('is OpenCV’s CLAHE to within one level: $size px, limit $clipLimit, $tiles tiles', ({ pixels, ...settings }) => {
    const out = new Uint8Array(settings.size ** 2);
    equalizeTiles(corner(settings.size), settings, out);
    const differences = bytes(pixels).map((value, i) => Math.abs(value - (out[i] as number)));
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
    // What lies halfway between two levels goes either way: OpenCV interpolates in 32 bits.
    expect(differences.filter((value) => value > 0).length / out.length).toBeLessThan(0.05);
  });

  it('may write to the image itself', () => {
    const settings = { size: 96, clipLimit: 2, tiles: 8 };
    const [image, out] = [whole.slice(), new Uint8Array(96 * 96)];
    equalizeTiles(image, settings, out);
    equalizeTiles(image, settings, image);
    expect(image).toEqual(out);
  });

  it('gives a flat image one level', () => {
    const out = new Uint8Array(64 * 64);
    equalizeTiles(new Uint8Array(64 * 64).fill(90), { size: 64, clipLimit: 2, tiles: 4 }, out);
    expect(new Set(out).size).toBe(1);
  });
});
