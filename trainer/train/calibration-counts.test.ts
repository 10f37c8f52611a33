import { CALIBRATION_LEVELS } from '@carpal/artifacts/figures.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { calibrationOf } from '@carpal/report/statistics/calibration.ts';
import { describe, expect, it } from 'vitest';
import { CalibrationCounter } from './calibration-counts.ts';

const logitOf = (probability: number): number => Math.log(probability / (1 - probability));
const mapOf = (...probabilities: readonly number[]) => ({ logits: Float32Array.from(probabilities, logitOf), weight: 1 });

describe('CalibrationCounter', () => {
  it('counts each pixel at the level of its probability, and as bone if at least half of it is covered', () => {
    const counter = new CalibrationCounter(1);
    counter.add({ maps: [mapOf(0.2, 0.999999, 0.2, 1e-9)], size: 2 }, Uint8Array.of(128, 255, 127, 0), 2);
    const { images, pixels, truePixels } = counter.counts();
    expect([images, pixels[0]?.[51], truePixels[0]?.[51]]).toEqual([1, 2, 1]);
    expect([pixels[0]?.[255], truePixels[0]?.[255], pixels[0]?.[0], truePixels[0]?.[0]]).toEqual([1, 1, 1, 0]);
  });

  it('keeps classes apart', () => {
    const counter = new CalibrationCounter(3);
    counter.add({ maps: [mapOf(0.2, 0.4, 0.6)], size: 1 }, Uint8Array.of(0, 255, 0), 1);
    const { pixels, truePixels } = counter.counts();
    expect([0, 1, 2].map((index) => [pixels[index]?.[51 * (index + 1)], truePixels[index]?.[51 * (index + 1)]])).toEqual([
      [1, 0],
      [1, 1],
      [1, 0],
    ]);
  });

  it('averages the views by weight', () => {
    const counter = new CalibrationCounter(1);
    counter.add({ maps: [mapOf(0.2), { ...mapOf(0.8), weight: 2 }], size: 1 }, Uint8Array.of(0), 1);
    expect(counter.counts().pixels[0]?.[Math.round(0.6 * 255)]).toBe(1);
  });

  it.each([
    ['a finer grid', 4, [0.2, 0.2, 0.4, 0.4, 0.2, 0.2, 0.4, 0.4, 0.6, 0.6, 0.8, 0.8, 0.6, 0.6, 0.8, 0.8]],
    ['a grid of the same size', 2, [0.2, 0.4, 0.6, 0.8]],
  ] as const)('reads %s at the centres of the pixels', (_, size, probabilities) => {
    const counter = new CalibrationCounter(1);
    counter.add({ maps: [mapOf(...probabilities)], size }, Uint8Array.of(0, 0, 0, 255), 2);
    const { pixels, truePixels } = counter.counts();
    expect([51, 102, 153, 204].map((level) => pixels[0]?.[level])).toEqual([1, 1, 1, 1]);
    expect(truePixels[0]?.[204]).toBe(1);
  });

  it('is within half a level of the exact sigmoid', () => {
    const random = randomFor(1, 'logits');
    for (let i = 0; i < 500; i++) {
      const logit = random.range(-9, 9);
      const counter = new CalibrationCounter(1);
      counter.add({ maps: [{ logits: Float32Array.of(logit), weight: 1 }], size: 1 }, Uint8Array.of(0), 1);
      const level = Array.from(counter.counts().pixels[0] ?? []).indexOf(1);
      expect(Math.abs(level - (CALIBRATION_LEVELS - 1) / (1 + Math.exp(-logit)))).toBeLessThanOrEqual(0.5 + 1e-3);
    }
  });

  it('shows almost no calibration error for a calibrated network', () => {
    const random = randomFor(1, 'pixels');
    const counter = new CalibrationCounter(1);
    const probabilities = Array.from({ length: 140 * 140 }, () => random.next());
    const coverage = Uint8Array.from(probabilities, (probability) => (random.next() < probability ? 255 : 0));
    counter.add({ maps: [mapOf(...probabilities)], size: 140 }, coverage, 140);
    expect(calibrationOf(counter.counts(), [0])?.error).toBeLessThan(0.02);
  });
});
