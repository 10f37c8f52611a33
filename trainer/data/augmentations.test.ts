import type { AugmentationName, AugmentationSpec } from '@carpal/configs/schema/experiment.ts';
import { type Random, randomFor } from '@carpal/masks/random.ts';
import { warpOutline } from '@carpal/masks/warp.ts';
import { describe, expect, it } from 'vitest';
import { type DrawnAugmentation, drawAugmentation, type Pass, type Subject } from './augmentations.ts';

const IMAGE: Subject = { width: 101, height: 101 };
const randomOf =
  (seed: number) =>
  (name: AugmentationName, nth: number): Random =>
    randomFor(seed, name, nth);
const drawAll = (specs: readonly AugmentationSpec[], seed = 1, subject = IMAGE): DrawnAugmentation =>
  drawAugmentation(specs, subject, randomOf(seed));
const draw = (spec: Partial<AugmentationSpec> & Pick<AugmentationSpec, 'name'>, seed = 1, subject = IMAGE): DrawnAugmentation =>
  drawAll([{ probability: 1, ...spec }], seed, subject);
const moved = ({ warp }: DrawnAugmentation, x: number, y: number): number[] => Array.from(warpOutline([x, y], warp, 100));
const levelsOf = ({ passes }: DrawnAugmentation): Float32Array => {
  const [pass] = passes;
  if (pass?.kind !== 'sample') throw new Error('no sampling pass');
  return pass.levels;
};
const kinds = ({ passes }: DrawnAugmentation): Pass['kind'][] => passes.map(({ kind }) => kind);
const always = (...names: AugmentationName[]): AugmentationSpec[] => names.map((name) => ({ name, probability: 1 }));
const seeds = Array.from({ length: 50 }, (_, seed) => seed);

describe('drawAugmentation', () => {
  it('flips left and right at the middle of the image', () => {
    expect(moved(draw({ name: 'flipHorizontal' }), 0, 7)).toEqual([100, 7]);
  });

  it('rotates in both directions within the given degrees, and keeps the centre in place', () => {
    const angles = seeds.map((seed) => {
      const drawn = draw({ name: 'rotate', degrees: 20 }, seed);
      expect(moved(drawn, 50, 50)).toEqual([expect.closeTo(50), expect.closeTo(50)]);
      const [x = 0, y = 0] = moved(drawn, 90, 50);
      expect(Math.hypot(x - 50, y - 50)).toBeCloseTo(40);
      return (Math.atan2(y - 50, x - 50) * 180) / Math.PI;
    });
    expect(Math.max(...angles.map(Math.abs))).toBeLessThanOrEqual(20);
    expect(Math.min(...angles)).toBeLessThan(-10);
    expect(Math.max(...angles)).toBeGreaterThan(10);
  });

  it('shifts by at most the given fraction of the side and scales by at most the given fraction', () => {
    for (const seed of seeds) {
      const drawn = draw({ name: 'shiftScaleRotate', shift: 0.1, scale: 0.2, degrees: 0 }, seed);
      const [x = 0, y = 0] = moved(drawn, 50, 50);
      expect(Math.max(Math.abs(x - 50), Math.abs(y - 50))).toBeLessThanOrEqual(10.1);
      const [farX = 0] = moved(drawn, 60, 50);
      expect(Math.abs((farX - x) / 10 - 1)).toBeLessThanOrEqual(0.2);
    }
  });

  it.each([
    { name: 'elastic', alpha: 0.05, sigma: 0.1 },
    { name: 'gridDistortion', steps: 4, limit: 0.4 },
  ] as const)('moves places with $name by at most its limit, and not all in the same way', (spec) => {
    const most = spec.name === 'elastic' ? 0.05 * 101 : 0.4 * 101;
    const moves = seeds.flatMap((seed) => {
      const drawn = draw(spec, seed);
      return [20, 50, 80].map((x) => (moved(drawn, x, 40)[0] ?? 0) - x);
    });
    expect(Math.max(...moves.map(Math.abs))).toBeLessThanOrEqual(most + 0.01);
    expect(Math.max(...moves)).toBeGreaterThan(0.5);
    expect(Math.min(...moves)).toBeLessThan(-0.5);
  });

  it('draws a wrist window that contains the carpals after other movements, and has the given size', () => {
    const carpals = [
      [10, 60, 20, 60, 20, 75],
      [22, 62, 30, 70, 22, 78],
    ];
    const subject = { width: 101, height: 81, carpals };
    for (const seed of seeds) {
      const specs: AugmentationSpec[] = [...always('flipHorizontal', 'elastic'), { name: 'wristCrop', probability: 1, low: 1.2, high: 3 }];
      const before = drawAll(specs.slice(0, 2), seed, subject);
      const after = drawAll(specs, seed, subject);
      for (const polygon of carpals) {
        const outline = warpOutline(polygon, after.warp, 100);
        for (let i = 0; i < outline.length; i += 2) {
          expect(outline[i]).toBeGreaterThanOrEqual(-0.5);
          expect(outline[i]).toBeLessThanOrEqual(100.5);
          // The square extends above and below this image.
          expect(outline[i + 1]).toBeGreaterThanOrEqual(-10.5);
          expect(outline[i + 1]).toBeLessThanOrEqual(90.5);
        }
      }
      const factor =
        ((moved(after, 30, 70)[0] ?? 0) - (moved(after, 10, 70)[0] ?? 0)) /
        ((moved(before, 30, 70)[0] ?? 0) - (moved(before, 10, 70)[0] ?? 0));
      const boxSide = 101 / factor;
      expect(boxSide).toBeGreaterThan(1.1 * 20);
      expect(boxSide).toBeLessThan(3.3 * 21);
    }
  });

  it('draws no window for a wrist without carpals', () => {
    expect(draw({ name: 'wristCrop' })).toEqual({ passes: [], warp: [], notes: ['wristCrop no carpals'] });
  });

  it.each([
    { name: 'brightnessContrast', brightness: 0.2, contrast: 0.3 },
    { name: 'gamma', low: 0.5, high: 2 },
  ] as const)('keeps grey levels in 0..1 and in order with $name', (spec) => {
    for (const seed of seeds) {
      const drawn = draw(spec, seed);
      expect(drawn.warp).toEqual([]);
      expect(levelsOf(drawn).every((value, index, all) => value >= 0 && value <= 1 && value >= (all[index - 1] ?? 0))).toBe(true);
    }
  });

  it('keeps black and white unchanged with gamma', () => {
    const levels = levelsOf(draw({ name: 'gamma', low: 3, high: 3 }));
    expect([levels[0], levels[255]]).toEqual([0, 1]);
    expect(levels[128]).toBeCloseTo((128 / 255) ** 3);
  });

  it('adds the variances of several noise entries', () => {
    const specs = [0.03, 0.04].map((sigma): AugmentationSpec => ({ name: 'gaussianNoise', probability: 1, sigma }));
    expect(drawAll(specs).passes).toEqual([expect.objectContaining({ kind: 'noise', sigma: expect.closeTo(0.05) })]);
  });

  it('applies an entry with its probability, and does nothing otherwise', () => {
    const draws = Array.from({ length: 400 }, (_, seed) => draw({ name: 'flipHorizontal', probability: 0.25 }, seed));
    const flipped = draws.filter(({ warp }) => warp.length > 0).length;
    expect(flipped).toBeGreaterThan(70);
    expect(flipped).toBeLessThan(130);
    expect(draws.find(({ warp }) => warp.length === 0)).toEqual({ passes: [], warp: [], notes: [] });
  });

  it('combines several movements into one map, in their order', () => {
    const specs: AugmentationSpec[] = [
      { name: 'shiftScaleRotate', probability: 1, shift: 0.2, scale: 0, degrees: 0 },
      { name: 'flipHorizontal', probability: 1 },
    ];
    const shift = drawAll(specs.slice(0, 1), 4);
    const both = drawAll(specs, 4);
    const [x = 0, y = 0] = moved(shift, 30, 40);
    expect(both.warp).toHaveLength(1);
    expect(moved(both, 30, 40)).toEqual([expect.closeTo(100 - x), expect.closeTo(y)]);
  });

  it('combines all movements and grey level changes between two other passes into one sampling, in the written order', () => {
    expect(kinds(drawAll(always('rotate', 'gamma', 'elastic', 'brightnessContrast', 'flipHorizontal')))).toEqual(['sample']);
    expect(kinds(drawAll(always('rotate', 'gaussianBlur', 'gridDistortion', 'gamma', 'clahe', 'gaussianNoise')))).toEqual([
      'sample',
      'blur',
      'sample',
      'clahe',
      'noise',
    ]);
  });

  it('draws the same numbers for an entry whatever other entries the list has', () => {
    const alone = draw({ name: 'elastic' }).warp;
    expect(drawAll(always('gaussianNoise', 'gamma', 'elastic')).warp).toEqual(alone);
    expect(drawAll(always('elastic', 'gaussianBlur')).warp).toEqual(alone);
    const [first, second] = drawAll([...always('elastic'), { name: 'elastic', probability: 1, sigma: 0.06 }]).warp;
    expect(first).not.toEqual(second);
  });

  it('describes what was drawn', () => {
    expect(drawAll(always('flipHorizontal', 'rotate', 'clahe')).notes).toEqual([
      'flipHorizontal',
      expect.stringMatching(/^rotate [+-]\d+\.\d$/),
      expect.stringMatching(/^clahe 1\.\d$|^clahe 2\.0$/),
    ]);
  });
});
