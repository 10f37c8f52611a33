import { describe, expect, it } from 'vitest';
import { CALIBRATION_LEVELS, type CalibrationCounts, calibrationText, parseCalibration } from './figures.ts';

const counts = (pixel = 100): CalibrationCounts => {
  const row = (value: number): number[] => Array.from({ length: CALIBRATION_LEVELS }, (_, level) => (level === 51 ? value : 0));
  return { images: 1, pixels: [row(pixel)], truePixels: [row(40)] };
};

describe('parseCalibration', () => {
  it('reads what calibrationText writes', () => {
    expect(parseCalibration(calibrationText(counts()))).toEqual(counts());
  });

  it.each([
    ['text that is not JSON', '{'],
    ['null', 'null'],
    ['a missing table', JSON.stringify({ images: 1, pixels: [] })],
    ['too few levels', JSON.stringify({ images: 1, pixels: [[1]], truePixels: [[1]] })],
    ['a negative count', JSON.stringify(counts(-1))],
    ['tables with different classes', JSON.stringify({ ...counts(), truePixels: [] })],
  ])('refuses %s', (_, text) => {
    expect(parseCalibration(text)).toBeUndefined();
  });
});
