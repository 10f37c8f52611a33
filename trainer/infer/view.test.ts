import { TTA_NAMES } from '@carpal/configs/schema/learning.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogitSum } from './logit-sum.ts';
import { viewOf } from './view.ts';

const SIDES = { multiple: 1, least: 1 };

/** The picture of a view, put back on the square by a sum of that one view. */
function undone(name: (typeof TTA_NAMES)[number], pixels: Uint8Array, size: number, degrees: number, scale: number): Float32Array {
  const view = viewOf(name, size, { degrees, scale }, SIDES);
  const sum = new LogitSum(size, 1);
  sum.add(view.show(pixels), view.size, view.toView);
  return sum.mean();
}

describe('viewOf', () => {
  it.each([
    ['identity', [1, 2, 3, 4]],
    ['flipHorizontal', [2, 1, 4, 3]],
    ['flipVertical', [3, 4, 1, 2]],
  ] as const)('%s shows every pixel as it is', (name, expected) => {
    const picture = viewOf(name, 2, { degrees: 10, scale: 0.25 }, SIDES).show(Uint8Array.from([1, 2, 3, 4]));
    expect([...picture]).toEqual(expected.map((value) => Math.fround(value / 255)));
  });

  it.each([
    ['rotateLeft', [2, 5, 8, 1, 4, 7, 0, 3, 6]],
    ['rotateRight', [6, 3, 0, 7, 4, 1, 8, 5, 2]],
  ] as const)('%s by a quarter turns the picture that way', (name, expected) => {
    const picture = viewOf(name, 3, { degrees: 90, scale: 0.25 }, SIDES).show(Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8]));
    expect(Array.from(picture, (value) => Math.round(value * 255))).toEqual(expected);
  });

  it.each([
    ['scaleDown', 96, { multiple: 32, least: 32 }, 64],
    ['scaleUp', 96, { multiple: 32, least: 32 }, 128],
    ['scaleDown', 100, { multiple: 1, least: 90 }, 90],
    ['scaleUp', 100, { multiple: 1, least: 90 }, 125],
    ['scaleDown', 32, { multiple: 32, least: 32 }, 32],
  ] as const)('%s of %d px with sides %j shows %d px', (name, square, sides, size) => {
    expect(viewOf(name, square, { degrees: 10, scale: 0.25 }, sides).size).toBe(size);
  });

  it('of any name is undone to the picture, exactly where no pixel is interpolated', () => {
    const cases = fc.record({
      name: fc.constantFrom(...TTA_NAMES),
      size: fc.integer({ min: 24, max: 42 }),
      slope: fc.constantFrom([4, 2] as const, [2, 4] as const),
      degrees: fc.double({ min: 1, max: 45, noNaN: true }),
      scale: fc.double({ min: 0.05, max: 0.5, noNaN: true }),
    });
    fc.assert(
      fc.property(cases, ({ name, size, slope: [across, down], degrees, scale }) => {
        const pixels = Uint8Array.from({ length: size * size }, (_, i) => across * (i % size) + down * Math.floor(i / size));
        const back = undone(name, pixels, size, degrees, scale);
        const turned = name.startsWith('rotate');
        const exact = name === 'identity' || name.startsWith('flip');
        for (let i = 0; i < back.length; i++) {
          const [x, y] = [i % size, Math.floor(i / size)];
          // A turned picture may have cut off what lies beyond the inscribed circle; a resized one leans on fewer neighbours at the border.
          const beyond = turned && Math.hypot(x - (size - 1) / 2, y - (size - 1) / 2) > size / 2 - 2;
          if (beyond || (!exact && Math.min(x, y, size - 1 - x, size - 1 - y) < 3)) continue;
          const difference = Math.abs((back[i] as number) * 255 - (pixels[i] as number));
          // Grey rises by 4 from a pixel to the next: a third of a pixel astray would show.
          expect(difference).toBeLessThan(exact ? 1e-4 : 4 / 3);
        }
      }),
      { numRuns: 120 },
    );
  });
});
