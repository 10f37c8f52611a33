import { describe, expect, it } from 'vitest';
import { PACE_START, paceAfterStep, paceAfterValidation, remainingSeconds, validates } from './pace.ts';

describe('pace', () => {
  it('knows nothing before the first step', () => {
    expect(remainingSeconds(PACE_START, { epoch: 1, step: 0, epochs: 3, stepsPerEpoch: 10, validateEvery: 1 })).toBeNull();
    expect(PACE_START.imagesPerSecond).toBeNull();
  });

  it('counts images per second from the steps', () => {
    let pace = PACE_START;
    for (let i = 0; i < 5; i++) pace = paceAfterStep(pace, 2, 0.25);
    expect(pace.imagesPerSecond).toBeCloseTo(8, 9);
  });

  it('follows a change of speed', () => {
    let pace = paceAfterStep(PACE_START, 2, 10);
    for (let i = 0; i < 100; i++) pace = paceAfterStep(pace, 2, 1);
    expect(pace.stepSeconds).toBeCloseTo(1, 2);
  });

  it('takes no speed from a step that the clock saw as instant', () => {
    expect(paceAfterStep(PACE_START, 2, 0).imagesPerSecond).toBeNull();
  });

  it('adds up the steps and validations that are left', () => {
    const pace = paceAfterValidation(paceAfterStep(PACE_START, 2, 1), 5);
    expect(remainingSeconds(pace, { epoch: 1, step: 4, epochs: 3, stepsPerEpoch: 10, validateEvery: 1 })).toBe(26 + 15);
    expect(remainingSeconds(pace, { epoch: 3, step: 10, epochs: 3, stepsPerEpoch: 10, validateEvery: 1 })).toBe(5);
    expect(remainingSeconds(pace, { epoch: 4, step: 0, epochs: 3, stepsPerEpoch: 10, validateEvery: 1 })).toBe(0);
  });

  it('counts the validation of the last epoch even where validateEvery would skip it', () => {
    const pace = paceAfterValidation(paceAfterStep(PACE_START, 2, 1), 5);
    expect(remainingSeconds(pace, { epoch: 1, step: 0, epochs: 5, stepsPerEpoch: 1, validateEvery: 2 })).toBe(5 + 15);
    expect([1, 2, 3, 4, 5].filter((epoch) => validates(epoch, 5, 2))).toEqual([2, 4, 5]);
  });
});
