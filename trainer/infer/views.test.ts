import { TTA_NAMES } from '@carpal/configs/schema/learning.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageLogits } from './image-logits.ts';
import { fittedSquares, type ImageSquares } from './image-squares.ts';
import { nextTurn } from './pause.ts';
import { pixelwiseNetwork, waves } from './testing/pixelwise-network.ts';
import { ViewMean } from './view-mean.ts';
import { mirrored, pixelsPerImage, type Viewing, viewOf } from './views.ts';

const SIDES = { multiple: 1, least: 1 };

/** A square radiograph of 8 bits. */
function squares(pixels: Uint8Array): ImageSquares {
  const side = Math.sqrt(pixels.length);
  return fittedSquares({ pixels, width: side, height: side, white: 255 });
}

/** One view of an image, mapped back to the square. */
function undone(name: (typeof TTA_NAMES)[number], pixels: Uint8Array, size: number, degrees: number, scale: number): Float32Array {
  const view = viewOf(name, size, { degrees, scale }, SIDES);
  const mean = new ViewMean(size, 1);
  mean.add(view.show(squares(pixels)), view.size, view.toView, 1);
  return mean.logits();
}

describe('viewOf', () => {
  it.each([
    ['identity', [1, 2, 3, 4]],
    ['flipHorizontal', [2, 1, 4, 3]],
    ['flipVertical', [3, 4, 1, 2]],
  ] as const)('%s shows every pixel unchanged', (name, expected) => {
    const picture = viewOf(name, 2, { degrees: 10, scale: 0.25 }, SIDES).show(squares(Uint8Array.from([1, 2, 3, 4])));
    expect([...picture]).toEqual(expected.map((value) => Math.fround(value / 255)));
  });

  it.each([
    ['rotateLeft', [2, 5, 8, 1, 4, 7, 0, 3, 6]],
    ['rotateRight', [6, 3, 0, 7, 4, 1, 8, 5, 2]],
  ] as const)('%s by 90 degrees turns the image in that direction', (name, expected) => {
    const picture = viewOf(name, 3, { degrees: 90, scale: 0.25 }, SIDES).show(squares(Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8])));
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

  it('maps every view back to the image, exactly where no pixel is interpolated', () => {
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
          // A rotated view may cut off what is outside the inscribed circle. A resized view has fewer neighbours at the border.
          const beyond = turned && Math.hypot(x - (size - 1) / 2, y - (size - 1) / 2) > size / 2 - 2;
          if (beyond || (!exact && Math.min(x, y, size - 1 - x, size - 1 - y) < 3)) continue;
          const difference = Math.abs((back[i] as number) * 255 - (pixels[i] as number));
          // Grey values rise by 4 per pixel, so an error of a third of a pixel would show.
          expect(difference).toBeLessThan(exact ? 1e-4 : 4 / 3);
        }
      }),
      { numRuns: 120 },
    );
  });
});

/** Stripes of one pixel at twice the size of the square: only an enlarged view of the original can show them. */
const STRIPES = Uint8Array.from({ length: 64 * 64 }, (_, i) => (i % 2 === 0 ? 0 : 200));
const contrast = (values: Float32Array): number => Math.max(...values) - Math.min(...values);

describe('the views of an image that is larger than the square', () => {
  it('show more detail if they are enlarged, which the training square has lost', () => {
    const image = squares(STRIPES);
    const scaledUp = viewOf('scaleUp', 32, { degrees: 10, scale: 0.5 }, SIDES).show(image);
    const fromSquare = viewOf('scaleUp', 32, { degrees: 10, scale: 0.5 }, SIDES).show(squares(image.squareOf(32)));
    expect(contrast(viewOf('identity', 32, { degrees: 10, scale: 0.5 }, SIDES).show(image))).toBe(0);
    expect(contrast(fromSquare)).toBe(0);
    expect(contrast(scaledUp)).toBeGreaterThan(0.2);
  });

  it('show no false patterns if they are rotated: fine stripes become grey, as in the training square', () => {
    const rotated = viewOf('rotateLeft', 32, { degrees: 10, scale: 0.25 }, SIDES).show(squares(STRIPES));
    const middle = Array.from({ length: 16 * 16 }, (_, i) => rotated[(8 + Math.floor(i / 16)) * 32 + 8 + (i % 16)] as number);
    for (const value of middle) expect(Math.abs(value - 100 / 255)).toBeLessThan(0.06);
  });

  it('are as sharp rotated as upright', () => {
    const pixels = Uint8Array.from({ length: 128 * 128 }, (_, i) => (i % 128 < 64 ? 0 : 255));
    const image = squares(pixels);
    const upright = viewOf('identity', 32, { degrees: 0.01, scale: 0.25 }, SIDES).show(image);
    const rotated = viewOf('rotateLeft', 32, { degrees: 0.01, scale: 0.25 }, SIDES).show(image);
    for (let x = 1; x < 31; x++) expect(Math.abs((rotated[16 * 32 + x] as number) - (upright[16 * 32 + x] as number))).toBeLessThan(0.01);
  });

  it('come from at most twice the square', () => {
    const sides: number[] = [];
    const image: ImageSquares = { width: 500, height: 300, squareOf: recordingSides(sides) };
    for (const name of TTA_NAMES) viewOf(name, 32, { degrees: 10, scale: 0.25 }, SIDES).show(image);
    expect(sides).toEqual([32, 32, 32, 64, 64, 64, 64]);
    expect(new Set(sidesOfSmall())).toEqual(new Set([32, 40]));
  });
});

/** Empty squares, and a record of their sides. */
function recordingSides(sides: number[]): ImageSquares['squareOf'] {
  return (side) => {
    sides.push(side);
    return new Uint8Array(side * side);
  };
}

/** The squares that the views of an image of 40 × 30 pixels ask for. */
function sidesOfSmall(): number[] {
  const sides: number[] = [];
  const image: ImageSquares = { width: 40, height: 30, squareOf: recordingSides(sides) };
  for (const name of TTA_NAMES) viewOf(name, 32, { degrees: 10, scale: 0.25 }, SIDES).show(image);
  return sides;
}

const VALUES = Float32Array.from([1, 10, 2, 20, 3, 30, 4, 40]);

describe('mirrored', () => {
  it.each([
    ['identity', [1, 10, 2, 20, 3, 30, 4, 40]],
    ['flipHorizontal', [2, 20, 1, 10, 4, 40, 3, 30]],
    ['flipVertical', [3, 30, 4, 40, 1, 10, 2, 20]],
  ] as const)('%s moves pixels, keeps their channels together, and is its own inverse', (view, expected) => {
    const once = mirrored(VALUES, 2, 2, view);
    expect([...once]).toEqual(expected);
    expect(mirrored(once, 2, 2, view)).toEqual(VALUES);
  });
});

const WINDOW = { size: 16, stride: 8, weights: 'gaussian' } as const;

it.each<[string, Pick<Viewing, 'views' | 'window'>]>([
  ['the default views', { views: ['identity', 'flipHorizontal'] }],
  ['every view', { views: [...TTA_NAMES] }],
  ['windows', { views: ['identity'], window: WINDOW }],
  ['windows in every view', { views: [...TTA_NAMES], window: WINDOW }],
])('pixelsPerImage counts the pixels that a network processes with %s', async (_, look) => {
  const network = pixelwiseNetwork(48, 1, 16);
  const viewing = { degrees: 10, scale: 0.3, ...look };
  await imageLogits([network], viewing, { width: 60, height: 60, squareOf: (size) => waves(size, 1) }, 1, nextTurn);
  const shown = network.runs.reduce((sum, { count, size }) => sum + count * size * size, 0);
  expect(pixelsPerImage(network, viewing)).toBe(shown);
});
