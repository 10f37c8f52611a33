import type { AugmentationSpec } from '@carpal/configs/schema/experiment.ts';
import { warpPolygon } from '@carpal/masks/warp.ts';
import { describe, expect, it } from 'vitest';
import { randomFor } from '../random.ts';
import { type DrawnAugmentation, drawAugmentation, UNIT_LEVELS } from './augmentations.ts';

const SHEET = { width: 101, height: 101 };
const draw = (spec: Partial<AugmentationSpec> & Pick<AugmentationSpec, 'name'>, seed = 1): DrawnAugmentation =>
  drawAugmentation([{ probability: 1, ...spec }], SHEET, randomFor(seed));
const moved = ({ geometry }: DrawnAugmentation, x: number, y: number): number[] =>
  geometry ? Array.from(warpPolygon([x, y], geometry)) : [x, y];
const seeds = Array.from({ length: 50 }, (_, seed) => seed);

describe('drawAugmentation', () => {
  it('flips left and right about the middle of the sheet', () => {
    expect(moved(draw({ name: 'flipHorizontal' }), 0, 7)).toEqual([100, 7]);
  });

  it('rotates within the degrees given, both ways, and leaves the centre in place', () => {
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

  it('shifts by at most the fraction of the side given and scales by at most the fraction given', () => {
    for (const seed of seeds) {
      const drawn = draw({ name: 'shiftScaleRotate', shift: 0.1, scale: 0.2, degrees: 0 }, seed);
      const [x = 0, y = 0] = moved(drawn, 50, 50);
      expect(Math.max(Math.abs(x - 50), Math.abs(y - 50))).toBeLessThanOrEqual(10.1);
      const [farX = 0] = moved(drawn, 60, 50);
      expect(Math.abs((farX - x) / 10 - 1)).toBeLessThanOrEqual(0.2);
    }
  });

  it.each([
    { name: 'brightnessContrast', brightness: 0.2, contrast: 0.3 },
    { name: 'gamma', low: 0.5, high: 2 },
  ] as const)('$name keeps grey levels in 0..1 and in order', (spec) => {
    for (const seed of seeds) {
      const { levels, geometry } = draw(spec, seed);
      expect(geometry).toBeUndefined();
      expect(levels.every((value, index) => value >= 0 && value <= 1 && value >= (levels[index - 1] ?? 0))).toBe(true);
    }
  });

  it('gamma keeps black black and white white', () => {
    const { levels } = draw({ name: 'gamma', low: 3, high: 3 });
    expect([levels[0], levels[255]]).toEqual([0, 1]);
    expect(levels[128]).toBeCloseTo((128 / 255) ** 3);
  });

  it('noise adds up as variances do', () => {
    const specs = [0.03, 0.04].map((sigma): AugmentationSpec => ({ name: 'gaussianNoise', probability: 1, sigma }));
    expect(drawAugmentation(specs, SHEET, randomFor(1)).noise).toBeCloseTo(0.05);
  });

  it('applies an entry as often as its probability says, and does nothing otherwise', () => {
    const draws = Array.from({ length: 400 }, (_, seed) => draw({ name: 'flipHorizontal', probability: 0.25 }, seed));
    const flipped = draws.filter(({ geometry }) => geometry !== undefined).length;
    expect(flipped).toBeGreaterThan(70);
    expect(flipped).toBeLessThan(130);
    expect(draws.find(({ geometry }) => geometry === undefined)).toEqual({ geometry: undefined, levels: UNIT_LEVELS, noise: 0 });
  });

  it('makes one map of several movements, in their order', () => {
    const specs: AugmentationSpec[] = [
      { name: 'shiftScaleRotate', probability: 1, shift: 0.2, scale: 0, degrees: 0 },
      { name: 'flipHorizontal', probability: 1 },
    ];
    const shift = drawAugmentation(specs.slice(0, 1), SHEET, randomFor(4));
    const both = drawAugmentation(specs, SHEET, randomFor(4));
    const [x = 0, y = 0] = moved(shift, 30, 40);
    expect(moved(both, 30, 40)).toEqual([expect.closeTo(100 - x), expect.closeTo(y)]);
  });
});
