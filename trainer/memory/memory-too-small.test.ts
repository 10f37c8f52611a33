import { formatError } from '@carpal/configs/errors.ts';
import { describe, expect, it } from 'vitest';
import { memoryTooSmall } from './memory-too-small.ts';

const STEP = { network: 'UNet', size: 1024, batchSize: 8, neededMb: 30_720, limitMb: 16_384, from: 'the control group' };

describe('memoryTooSmall', () => {
  it('states the need, the limit and what would fit', () => {
    expect(formatError(memoryTooSmall({ ...STEP, fitting: { batchSize: 4, size: 2048 } }))).toBe(
      `memory-too-small: training UNet at 1024 px with a batch of 8 needs about 30.0 GB of memory; the limit is 16.0 GB (the control group) (spec.training.batchSize, spec.input.size)
  → At 1024 px, training.batchSize can be at most about 4; with training.batchSize 1, input.size can be at most about 2048. Or use a smaller network, or provide more memory.`,
    );
  });

  it.each([
    [
      { batchSize: undefined, size: 512 },
      /^At 1024 px, not even one image fits; with training.batchSize 1, input.size can be at most about 512\./,
    ],
    [{ batchSize: undefined, size: undefined }, /^No size fits: use a smaller network/],
  ])('gives advice that depends on the sizes that fit: %j', (fitting, fix) => {
    expect(memoryTooSmall({ ...STEP, fitting }).fix).toMatch(fix);
  });

  it('states no memory need that is not known', () => {
    const { neededMb: _, ...unknown } = STEP;
    expect(memoryTooSmall({ ...unknown, batchSize: 1, limitMb: 900 }).message).toBe(
      'training UNet at 1024 px with a batch of 1 needs more memory than is available; the limit is 0.88 GB (the control group)',
    );
  });
});
