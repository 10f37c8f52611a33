import { describe, expect, it } from 'vitest';
import { epochMetricsSchema, stageProgressSchema } from './progress.ts';

const updatedAt = '2026-01-31T12:00:00.000Z';

describe('stageProgressSchema', () => {
  it('accepts a stage that has just started and has no values yet', () => {
    expect(stageProgressSchema.parse({ stage: 'prepare', state: 'running', updatedAt })).toEqual({
      stage: 'prepare',
      state: 'running',
      updatedAt,
    });
  });

  it('accepts a running fold, with null for unknown values', () => {
    const progress = {
      stage: 'fold',
      fold: 2,
      state: 'running',
      epoch: 3,
      epochs: 40,
      step: 5,
      stepsPerEpoch: 8,
      loss: 0.4,
      dice: null,
      etaSeconds: 80,
      updatedAt,
    };
    expect(stageProgressSchema.parse(progress)).toEqual(progress);
  });

  it('accepts a failure with its code, message and remedy', () => {
    const error = { code: 'disk-full', message: 'the disk is full', remedy: 'Free some space.' };
    expect(stageProgressSchema.parse({ stage: 'ensemble', state: 'failed', error, updatedAt }).error).toEqual(error);
  });

  it('accepts warnings', () => {
    const warnings = ['a class is empty'];
    expect(stageProgressSchema.parse({ stage: 'fold', state: 'running', warnings, updatedAt }).warnings).toEqual(warnings);
  });

  it.each([
    {},
    { stage: 'train', state: 'running', updatedAt },
    { stage: 'fold', state: 'running' },
    { stage: 'fold', state: 'running', loss: Number.NaN, updatedAt },
  ])('rejects %j', (progress) => {
    expect(stageProgressSchema.safeParse(progress).success).toBe(false);
  });
});

describe('epochMetricsSchema', () => {
  it('accepts an epoch with and without validation', () => {
    const metrics = {
      epoch: 1,
      step: 8,
      learningRate: 1e-3,
      loss: 0.9,
      validationLoss: 0.8,
      dice: 0.1,
      perClassDice: [0.1, 0.2],
      seconds: 3.2,
      imagesPerSecond: 5,
      memoryMb: 900,
    };
    expect(epochMetricsSchema.parse(metrics)).toEqual(metrics);
    expect(epochMetricsSchema.parse({ ...metrics, waitSeconds: 0.1 }).waitSeconds).toBe(0.1);
    expect(epochMetricsSchema.parse({ ...metrics, validationLoss: null, dice: null, perClassDice: [] }).dice).toBeNull();
  });
});
