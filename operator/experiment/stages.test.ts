import { describe, expect, it } from 'vitest';
import { at, attempt, experimentWith, PREPARE, seen } from '../testing/builders.ts';
import { plan } from './plan.ts';
import { hasBegun } from './stages.ts';

describe('an experiment that has begun', () => {
  it('has an attempt, or is about to', () => {
    expect(hasBegun(undefined)).toBe(false);
    expect(hasBegun(plan(experimentWith({ suspend: true }), seen([]), at(0)).status)).toBe(false);
    expect(hasBegun(plan(experimentWith(), seen([]), at(0)).status)).toBe(true);
    expect(hasBegun(plan(experimentWith(), seen([attempt(PREPARE, 1, {})]), at(0)).status)).toBe(true);
  });
});
