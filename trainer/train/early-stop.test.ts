import { describe, expect, it } from 'vitest';
import { EARLY_STOP_START, observeDice } from './early-stop.ts';

/** The epoch in which training stops for these Dice values (from epoch 1), or undefined. */
function stopEpoch(dices: readonly number[], rule: { patience: number; minDelta: number }, every = 1): number | undefined {
  let state = EARLY_STOP_START;
  for (const [index, dice] of dices.entries()) {
    const epoch = (index + 1) * every;
    const seen = observeDice(state, epoch, dice, rule);
    if (seen.stop) return epoch;
    state = seen.state;
  }
  return undefined;
}

describe('early stopping', () => {
  it('happens after `patience` epochs without progress', () => {
    expect(stopEpoch([0.1, 0.5, 0.5, 0.4, 0.3, 0.9], { patience: 3, minDelta: 0 })).toBe(5);
  });

  it('does not happen while Dice rises', () => {
    expect(stopEpoch([0.1, 0.2, 0.3, 0.4, 0.5], { patience: 1, minDelta: 0 })).toBeUndefined();
  });

  it('does not count a rise of minDelta or less as progress', () => {
    expect(stopEpoch([0.5, 0.51, 0.52, 0.53], { patience: 2, minDelta: 0.05 })).toBe(3);
  });

  it('counts small rises as progress once their sum exceeds minDelta', () => {
    expect(stopEpoch([0.5, 0.53, 0.56, 0.59, 0.62], { patience: 3, minDelta: 0.05 })).toBeUndefined();
  });

  it('counts epochs, not validations', () => {
    expect(stopEpoch([0.5, 0.4, 0.4, 0.4], { patience: 10, minDelta: 0 }, 5)).toBe(15);
  });

  it('never happens if patience is 0', () => {
    expect(stopEpoch([0.5, 0.4, 0.3, 0.2, 0.1], { patience: 0, minDelta: 0 })).toBeUndefined();
  });

  it('accepts a Dice of zero as a reference', () => {
    expect(stopEpoch([0, 0, 0], { patience: 2, minDelta: 0 })).toBe(3);
  });
});
