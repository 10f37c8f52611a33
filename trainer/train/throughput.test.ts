import { describe, expect, it } from 'vitest';
import {
  INITIAL_THROUGHPUT,
  imageThroughput,
  remainingInValidation,
  remainingSeconds,
  throughputAfterStep,
  throughputAfterValidation,
  validates,
} from './throughput.ts';

describe('pace', () => {
  it('knows nothing before the first step', () => {
    expect(
      remainingSeconds(INITIAL_THROUGHPUT, { epoch: 1, step: 0, epochs: 3, stepsPerEpoch: 10, validateEvery: 1, outOfFoldValidations: 0 }),
    ).toBeNull();
    expect(INITIAL_THROUGHPUT.imagesPerSecond).toBeNull();
  });

  it('counts images per second from the steps', () => {
    let pace = INITIAL_THROUGHPUT;
    for (let i = 0; i < 5; i++) pace = throughputAfterStep(pace, 2, 0.25);
    expect(pace.imagesPerSecond).toBeCloseTo(8, 9);
  });

  it('follows a change of speed', () => {
    let pace = throughputAfterStep(INITIAL_THROUGHPUT, 2, 10);
    for (let i = 0; i < 100; i++) pace = throughputAfterStep(pace, 2, 1);
    expect(pace.stepSeconds).toBeCloseTo(1, 2);
  });

  it('takes no speed from a step that the clock saw as instant', () => {
    expect(throughputAfterStep(INITIAL_THROUGHPUT, 2, 0).imagesPerSecond).toBeNull();
  });

  it('adds up the steps and validations that are left', () => {
    const pace = throughputAfterValidation(throughputAfterStep(INITIAL_THROUGHPUT, 2, 1), 5);
    expect(remainingSeconds(pace, { epoch: 1, step: 4, epochs: 3, stepsPerEpoch: 10, validateEvery: 1, outOfFoldValidations: 0 })).toBe(
      26 + 15,
    );
    expect(remainingSeconds(pace, { epoch: 3, step: 10, epochs: 3, stepsPerEpoch: 10, validateEvery: 1, outOfFoldValidations: 0 })).toBe(5);
    expect(remainingSeconds(pace, { epoch: 4, step: 0, epochs: 3, stepsPerEpoch: 10, validateEvery: 1, outOfFoldValidations: 0 })).toBe(0);
  });

  it('counts the validation of the last epoch even where validateEvery would skip it', () => {
    const pace = throughputAfterValidation(throughputAfterStep(INITIAL_THROUGHPUT, 2, 1), 5);
    expect(remainingSeconds(pace, { epoch: 1, step: 0, epochs: 5, stepsPerEpoch: 1, validateEvery: 2, outOfFoldValidations: 0 })).toBe(
      5 + 15,
    );
    expect([1, 2, 3, 4, 5].filter((epoch) => validates(epoch, 5, 2))).toEqual([2, 4, 5]);
  });

  it('counts the masks after the last epoch as so many validations', () => {
    const pace = throughputAfterValidation(throughputAfterStep(INITIAL_THROUGHPUT, 2, 1), 5);
    const last = { epochs: 3, stepsPerEpoch: 10, validateEvery: 1, outOfFoldValidations: 4 };
    expect(remainingSeconds(pace, { epoch: 3, step: 9, ...last })).toBe(1 + 5 + 20);
    expect(remainingSeconds(pace, { epoch: 4, step: 0, ...last })).toBe(20);
  });

  it('takes off what is done of a validation, and judges the first one by itself', () => {
    const at = { epoch: 1, step: 10, epochs: 2, stepsPerEpoch: 10, validateEvery: 1, outOfFoldValidations: 3 };
    const first = throughputAfterStep(INITIAL_THROUGHPUT, 2, 1);
    expect(remainingInValidation(INITIAL_THROUGHPUT, at, { done: 1, total: 4, seconds: 2 })).toBeNull();
    expect(remainingInValidation(first, at, { done: 1, total: 4, seconds: 2 })).toBe(6 + 10 + 8 + 24);
    expect(remainingInValidation(first, at, { done: 4, total: 4, seconds: 8 })).toBe(10 + 8 + 24);
    expect(remainingInValidation(throughputAfterValidation(first, 8), at, { done: 1, total: 4, seconds: 100 })).toBe(6 + 10 + 8 + 24);
  });

  it('tells how fast images are gone through, once time has passed', () => {
    expect(imageThroughput({ done: 2, total: 10, seconds: 4 })).toEqual({ imagesPerSecond: 0.5, etaSeconds: 16 });
    expect(imageThroughput({ done: 2, total: 10, seconds: 0 })).toEqual({});
  });
});
