import type { Polygon } from '@carpal/masks/fill-polygon.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import { type Random, randomFor } from '@carpal/masks/random.ts';
import { rotation } from '@carpal/masks/warp.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CropSubject, type DrawnCrop, drawCrop } from './draw-crop.ts';
import { fillCrop, warpedOutlines } from './fill-target.ts';

const rectangle = (left: number, top: number, right: number, bottom: number): Polygon => [
  left,
  top,
  right,
  top,
  right,
  bottom,
  left,
  bottom,
];

/** Bones of different sizes in all parts of a 400 × 300 image: a large one, a small one, one in a corner, and one that is missing. */
const BONES: readonly Polygon[] = [rectangle(40, 20, 220, 90), rectangle(300, 200, 304, 203), rectangle(390, 290, 399, 299), []];
const IMAGE = { width: 400, height: 300 };
const SQUARE = 200;

function subject(degrees = 0, image = IMAGE, outlines = BONES): CropSubject {
  const fit = squareFit(image.width, image.height, SQUARE);
  const warp = degrees === 0 ? [] : [rotation(degrees, (image.width - 1) / 2, (image.height - 1) / 2)];
  return { moved: warpedOutlines(outlines, image, fit, warp), carpals: new Set([1]), image, fit };
}

/** Which classes a crop shows. */
function shownIn(crop: DrawnCrop, { moved }: CropSubject): readonly number[] {
  const classes = moved.outlines.length;
  const target = new Uint8Array(crop.size ** 2 * classes);
  fillCrop(moved, crop, target, 'area');
  return moved.outlines.flatMap((_, index) => (target.some((value, at) => value > 0 && at % classes === index) ? [index] : []));
}

const drawMany = (sampling: 'foreground' | 'uniform' | 'wrist', from: CropSubject, size: number, count: number): readonly DrawnCrop[] =>
  Array.from({ length: count }, (_, index) => drawCrop({ size, sampling }, from, randomFor(1, sampling, index)));

describe('drawCrop', () => {
  it('shows the class that it was drawn for, inside the square, after any movement', () => {
    const settings = fc.record({
      size: fc.integer({ min: 8, max: SQUARE }),
      degrees: fc.double({ min: -180, max: 180, noNaN: true }),
      sampling: fc.constantFrom('foreground' as const, 'uniform' as const, 'wrist' as const),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(settings, ({ size, degrees, sampling, seed }) => {
        const from = subject(degrees);
        const crop = drawCrop({ size, sampling }, from, randomFor(seed));
        for (const start of [crop.left, crop.top]) {
          expect(Number.isInteger(start)).toBe(true);
          expect(start).toBeGreaterThanOrEqual(0);
          expect(start + size).toBeLessThanOrEqual(SQUARE);
        }
        if (crop.classIndex !== undefined) expect(shownIn(crop, from)).toContain(crop.classIndex);
      }),
      { numRuns: 300 },
    );
  });

  it('draws every annotated class equally often as foreground, however small, and other places in a quarter of the crops', () => {
    const crops = drawMany('foreground', subject(), 32, 1000);
    const counts = [0, 1, 2, 3, undefined].map((wanted) => crops.filter(({ classIndex }) => classIndex === wanted).length);
    for (const count of counts.slice(0, 3)) expect(Math.abs(count - 250)).toBeLessThan(50);
    expect(counts[3]).toBe(0);
    expect(Math.abs((counts[4] ?? 0) - 250)).toBeLessThan(50);
  });

  it('shows every class within one epoch of 40 images', () => {
    const from = subject();
    for (let epoch = 0; epoch < 20; epoch++) {
      const crops = Array.from({ length: 40 }, (_, image) => drawCrop({ size: 32, sampling: 'foreground' }, from, randomFor(epoch, image)));
      expect(new Set(crops.flatMap((crop) => shownIn(crop, from)))).toEqual(new Set([0, 1, 2]));
    }
  });

  it('draws uniform crops from the whole radiograph, and not from the black margin next to it', () => {
    // The radiograph covers the rows 25 to 174 of the square.
    const crops = drawMany('uniform', subject(), 60, 500);
    const tops = crops.map(({ top }) => top);
    const lefts = crops.map(({ left }) => left);
    expect([Math.min(...tops), Math.max(...tops)]).toEqual([25, 115]);
    expect([Math.min(...lefts), Math.max(...lefts)]).toEqual([0, 140]);
    // Crops at a border show a corner that crops around any other place do not show.
    expect(lefts.filter((left) => left === 0).length).toBeGreaterThan(40);
  });

  it('shows the whole height of a radiograph that is narrower than the crop', () => {
    for (const { top } of drawMany('uniform', subject(), 160, 50)) expect(top >= 15 && top <= 25).toBe(true);
    expect(drawMany('foreground', subject(), SQUARE, 3).map(({ left, top }) => [left, top])).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  it('draws crops of the wrist around the carpals', () => {
    for (const crop of drawMany('wrist', subject(30), 40, 50)) expect(shownIn(crop, subject(30))).toContain(1);
  });

  it.each(['foreground', 'wrist'] as const)('draws %s crops anywhere if no outline is visible', (sampling) => {
    const places = drawMany(sampling, subject(0, IMAGE, [[], []]), 60, 100);
    expect(new Set(places.map(({ left }) => left)).size).toBeGreaterThan(30);
    expect(places.every(({ classIndex }) => classIndex === undefined)).toBe(true);
  });

  it('cuts out a vertex of an outline without an inside', () => {
    const line: Polygon = [30, 40, 350, 260];
    const from = subject(0, IMAGE, [line]);
    const random: Random = { ...randomFor(4), next: () => 0.9 };
    expect(shownIn(drawCrop({ size: 16, sampling: 'foreground' }, from, random), from)).toEqual([0]);
  });
});
