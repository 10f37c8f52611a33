import { describe, expect, it } from 'vitest';
import { createPatience } from './patience.ts';

describe('the time that news may wait', () => {
  it('is none for what somebody wants, and short for what has ended', () => {
    const patience = createPatience(500, () => 1);
    expect([patience.waitMs('now'), patience.waitMs('soon'), patience.waitMs('later')]).toEqual([0, 250, 2000]);
  });

  it('grows with the time that a look takes, up to a bound, and falls again', () => {
    const patience = createPatience(500, () => 1);
    const look = (seconds: number): number => {
      for (let times = 0; times < 200; times++) patience.note({ seconds });
      return patience.waitMs('later');
    };
    expect(look(0.02)).toBe(2000);
    expect(look(0.1)).toBeCloseTo(10_000, -1);
    expect(look(60)).toBe(15_000);
    expect(look(0.01)).toBe(2000);
    expect(patience.waitMs('soon')).toBe(250);
  });

  it('grows with the number of experiments that go on, up to a minute', () => {
    let unfinished = 5;
    const patience = createPatience(500, () => unfinished);
    expect(patience.waitMs('later')).toBe(2000);
    unfinished = 100;
    expect(patience.waitMs('later')).toBe(10_000);
    unfinished = 5000;
    expect([patience.waitMs('later'), patience.waitMs('soon'), patience.waitMs('now')]).toEqual([60_000, 250, 0]);
  });
});
