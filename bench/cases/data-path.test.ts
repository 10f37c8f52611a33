import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';
import { describe, expect, it } from 'vitest';
import { stallMeasures } from './data-path.ts';

const epoch = (seconds: number, waitSeconds?: number): EpochMetrics => ({
  ...{ epoch: 1, step: 1, learningRate: 0.1, loss: 1, validationLoss: null, dice: null, perClassDice: [], imagesPerSecond: 1, memoryMb: 1 },
  seconds,
  ...(waitSeconds === undefined ? {} : { waitSeconds }),
});

describe('stallMeasures', () => {
  it('returns the largest share of an epoch that was spent waiting', () => {
    const [share] = stallMeasures([epoch(50, 0.1), epoch(40, 1)]);
    expect(share).toMatchObject({ value: 2.5, unit: '%', atMost: 2 });
  });

  it('throws for an epoch that does not report its waiting time', () => {
    expect(() => stallMeasures([epoch(50, 0.1), epoch(40)])).toThrow(RangeError);
  });
});
