import { squareFit } from '@carpal/masks/fit.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { rotation } from '@carpal/masks/warp.ts';
import { describe, expect, it } from 'vitest';
import { ImageAugmenter } from './augment-image.ts';
import { type Pass, UNIT_LEVELS } from './augmentations.ts';
import { blurImage, equalizeTiles } from './pixel-filters.ts';

const SIZE = 48;
const fit = squareFit(480, 480, SIZE);
const image = Uint8Array.from({ length: SIZE * SIZE }, (_, i) => (i % SIZE) * 3 + randomFor(1, i).integer(60));
const unit = Float32Array.from(image, (value) => value / 255);
const augmenter = new ImageAugmenter(SIZE);
const after = (...passes: Pass[]): Float32Array => {
  const out = new Float32Array(SIZE * SIZE).fill(Number.NaN);
  augmenter.run(image, fit, passes, out);
  return out;
};
const apart = (a: Float32Array, b: Float32Array): number => Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))));

const turn: Pass = { kind: 'sample', levels: UNIT_LEVELS, warp: [rotation(20, 239.5, 239.5)] };
const darker: Pass = { kind: 'sample', levels: UNIT_LEVELS.map((value) => value / 2), warp: [] };
const blur: Pass = { kind: 'blur', sigma: 2 };
const clahe: Pass = { kind: 'clahe', clipLimit: 3, tiles: 4 };

describe('ImageAugmenter', () => {
  it('returns the prepared image with values in 0..1 if there are no passes', () => {
    expect(after()).toEqual(unit);
  });

  it('applies the passes in their order', () => {
    expect(apart(after(blur, clahe), after(clahe, blur))).toBeGreaterThan(0.05);
    const noise = (): Pass => ({ kind: 'noise', sigma: 0.2, random: randomFor(4) });
    // Noise that is blurred afterwards is weaker than noise on a blurred image.
    expect(apart(after(noise(), blur), after(blur))).toBeLessThan(0.5 * apart(after(blur, noise()), after(blur)));
  });

  it('equalizes prepared bytes unchanged, and values after rounding to 8 bits', () => {
    const equalized = new Uint8Array(SIZE * SIZE);
    equalizeTiles(image, { size: SIZE, clipLimit: 3, tiles: 4 }, equalized);
    expect(after(clahe)).toEqual(Float32Array.from(equalized, (value) => value / 255));
    const same: Pass = { kind: 'sample', levels: UNIT_LEVELS, warp: [] };
    expect(after(same, clahe)).toEqual(after(clahe));
    expect(after(clahe, clahe)).not.toEqual(after(clahe));
  });

  it('blurs by the same amount after any pass', () => {
    const blurred = unit.slice();
    blurImage(blurred, SIZE, 2, new Float32Array(SIZE * SIZE));
    expect(after(blur)).toEqual(blurred);
    expect(
      apart(
        after(blur, darker),
        blurred.map((value) => value / 2),
      ),
    ).toBeLessThan(1e-5);
  });

  it('moves an image of values in the same way as an image of bytes', () => {
    const same: Pass = { kind: 'blur', sigma: 0.01 };
    expect(apart(after(same, turn), after(turn))).toBeLessThan(1e-5);
  });

  it('keeps no data of one image for the next', () => {
    const first = after(turn, blur, clahe);
    after(clahe, blur, turn, darker);
    expect(after(turn, blur, clahe)).toEqual(first);
  });
});
