import { at, attempt, ENSEMBLE, experimentWith, fold, PREPARE, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { plan } from './plan.ts';
import { hasBegun, stageAt } from './stages.ts';

describe('an experiment that has begun', () => {
  it('has an attempt or is about to start one', () => {
    expect(hasBegun(undefined)).toBe(false);
    expect(hasBegun(plan(experimentWith({ suspend: true }), seen([]), at(0)).status)).toBe(false);
    expect(hasBegun(plan(experimentWith(), seen([]), at(0)).status)).toBe(true);
    expect(hasBegun(plan(experimentWith(), seen([attempt(PREPARE, 1, {})]), at(0)).status)).toBe(true);
  });
});

describe('the stage of a key', () => {
  it('is the stage of that kind and number; undefined for an unknown number', () => {
    const { status } = plan(experimentWith({ folds: [0, 2] }), seen([]), at(0));
    expect([PREPARE, fold(2), ENSEMBLE].map((key) => stageAt(status, key))).toEqual([status.prepare, status.folds[1], status.ensemble]);
    expect([stageAt(status, fold(1)), stageAt(undefined, PREPARE)]).toEqual([undefined, undefined]);
  });
});
