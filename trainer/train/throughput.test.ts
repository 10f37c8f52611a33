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

describe('throughput', () => {
  it('is unknown before the first step', () => {
    expect(
      remainingSeconds(INITIAL_THROUGHPUT, { epoch: 1, step: 0, epochs: 3, stepsPerEpoch: 10, validateEvery: 1, outOfFoldValidations: 0 }),
    ).toBeNull();
    expect(INITIAL_THROUGHPUT.imagesPerSecond).toBeNull();
  });

  it('counts images per second from the steps', () => {
    let throughput = INITIAL_THROUGHPUT;
    for (let i = 0; i < 5; i++) throughput = throughputAfterStep(throughput, 2, 0.25);
    expect(throughput.imagesPerSecond).toBeCloseTo(8, 9);
  });

  it('follows a change of speed', () => {
    let throughput = throughputAfterStep(INITIAL_THROUGHPUT, 2, 10);
    for (let i = 0; i < 100; i++) throughput = throughputAfterStep(throughput, 2, 1);
    expect(throughput.stepSeconds).toBeCloseTo(1, 2);
  });

  it('ignores a step that took no measurable time', () => {
    expect(throughputAfterStep(INITIAL_THROUGHPUT, 2, 0).imagesPerSecond).toBeNull();
  });

  it('adds up the remaining steps and validations', () => {
    const throughput = throughputAfterValidation(throughputAfterStep(INITIAL_THROUGHPUT, 2, 1), 5);
    expect(
      remainingSeconds(throughput, { epoch: 1, step: 4, epochs: 3, stepsPerEpoch: 10, validateEvery: 1, outOfFoldValidations: 0 }),
    ).toBe(26 + 15);
    expect(
      remainingSeconds(throughput, { epoch: 3, step: 10, epochs: 3, stepsPerEpoch: 10, validateEvery: 1, outOfFoldValidations: 0 }),
    ).toBe(5);
    expect(
      remainingSeconds(throughput, { epoch: 4, step: 0, epochs: 3, stepsPerEpoch: 10, validateEvery: 1, outOfFoldValidations: 0 }),
    ).toBe(0);
  });

  it('counts the validation of the last epoch even if validateEvery would skip it', () => {
    const throughput = throughputAfterValidation(throughputAfterStep(INITIAL_THROUGHPUT, 2, 1), 5);
    expect(
      remainingSeconds(throughput, { epoch: 1, step: 0, epochs: 5, stepsPerEpoch: 1, validateEvery: 2, outOfFoldValidations: 0 }),
    ).toBe(5 + 15);
    expect([1, 2, 3, 4, 5].filter((epoch) => validates(epoch, 5, 2))).toEqual([2, 4, 5]);
  });

  it('counts the out-of-fold masks as a number of validations', () => {
    const throughput = throughputAfterValidation(throughputAfterStep(INITIAL_THROUGHPUT, 2, 1), 5);
    const last = { epochs: 3, stepsPerEpoch: 10, validateEvery: 1, outOfFoldValidations: 4 };
    expect(remainingSeconds(throughput, { epoch: 3, step: 9, ...last })).toBe(1 + 5 + 20);
    expect(remainingSeconds(throughput, { epoch: 4, step: 0, ...last })).toBe(20);
  });

  it('subtracts the finished part of a validation, and extrapolates the first one from itself', () => {
    const at = { epoch: 1, step: 10, epochs: 2, stepsPerEpoch: 10, validateEvery: 1, outOfFoldValidations: 3 };
    const first = throughputAfterStep(INITIAL_THROUGHPUT, 2, 1);
    expect(remainingInValidation(INITIAL_THROUGHPUT, at, { done: 1, total: 4, seconds: 2 })).toBeNull();
    expect(remainingInValidation(first, at, { done: 1, total: 4, seconds: 2 })).toBe(6 + 10 + 8 + 24);
    expect(remainingInValidation(first, at, { done: 4, total: 4, seconds: 8 })).toBe(10 + 8 + 24);
    expect(remainingInValidation(throughputAfterValidation(first, 8), at, { done: 1, total: 4, seconds: 100 })).toBe(6 + 10 + 8 + 24);
  });

  it('reports the throughput of images once time has passed', () => {
    expect(imageThroughput({ done: 2, total: 10, seconds: 4 })).toEqual({ imagesPerSecond: 0.5, etaSeconds: 16 });
    expect(imageThroughput({ done: 2, total: 10, seconds: 0 })).toEqual({});
  });
});
