import { CALIBRATION_LEVELS, type CalibrationCounts } from '@carpal/artifacts/figures.ts';
import { describe, expect, it } from 'vitest';
import { addCalibrations, calibrationOf } from './calibration.ts';

/** Counts of one class: for some levels, the number of pixels and how many of them are true. */
const counts = (...levels: readonly (readonly [level: number, pixels: number, truePixels: number])[]): CalibrationCounts => {
  const row = (which: 1 | 2): number[] =>
    Array.from({ length: CALIBRATION_LEVELS }, (_, level) => levels.find(([own]) => own === level)?.[which] ?? 0);
  return { images: 1, pixels: [row(1)], truePixels: [row(2)] };
};

describe('calibrationOf', () => {
  it('has no error if the fraction of bone equals the prediction', () => {
    const calibration = calibrationOf(counts([51, 100, 20], [204, 100, 80]), [0]);
    expect(calibration?.error).toBeCloseTo(0, 12);
    expect(calibration?.bins).toEqual([
      { pixels: 100, predicted: 0.2, observed: 0.2 },
      { pixels: 100, predicted: 0.8, observed: 0.8 },
    ]);
  });

  it('weights the distance by pixels, and its sign shows overconfidence', () => {
    // 100 pixels with 0.2 predicted and 0.4 observed, and 300 pixels with 0.8 predicted and 0.5 observed.
    const calibration = calibrationOf(counts([51, 100, 40], [204, 300, 150]), [0]);
    expect(calibration?.error).toBeCloseTo((100 * 0.2 + 300 * 0.3) / 400, 12);
    expect(calibration?.bias).toBeCloseTo((100 * -0.2 + 300 * 0.3) / 400, 12);
  });

  it('ignores the certain background, and is undefined for background alone', () => {
    expect(calibrationOf(counts([0, 1_000_000, 3]), [0])).toBeUndefined();
    expect(calibrationOf(counts([0, 1_000_000, 3], [255, 10, 10]), [0])?.error).toBe(0);
  });

  it('puts probability 1 into the last bin', () => {
    expect(calibrationOf(counts([255, 4, 1], [250, 4, 3]), [0])?.bins.length).toBe(1);
  });

  it('combines classes by adding their pixels', () => {
    const [a, b] = [counts([51, 100, 0]), counts([51, 100, 40])];
    const both = { images: 1, pixels: [...a.pixels, ...b.pixels], truePixels: [...a.truePixels, ...b.truePixels] };
    expect(calibrationOf(both, [0, 1])?.bins).toEqual([{ pixels: 200, predicted: 0.2, observed: 0.2 }]);
  });
});

describe('addCalibrations', () => {
  it('gives the same counts as all images together', () => {
    const [a, b] = [counts([51, 100, 40], [204, 1, 1]), counts([51, 50, 5])];
    expect(addCalibrations([a, b])).toEqual({ ...counts([51, 150, 45], [204, 1, 1]), images: 2 });
  });

  it('is undefined without folds or for different classes', () => {
    expect(addCalibrations([])).toBeUndefined();
    expect(addCalibrations([counts(), { images: 1, pixels: [], truePixels: [] }])).toBeUndefined();
  });
});
