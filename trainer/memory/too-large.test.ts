import { formatError } from '@carpal/configs/errors.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeEstimate } from './memory-estimate.ts';
import { fittingSizes, memoryTooSmall } from './too-large.ts';

const STEP = { network: 'UNet', size: 1024, batchSize: 8, neededMb: 30_720, limitMb: 16_384, from: 'of the control group' };

describe('memoryTooSmall', () => {
  it('says what is needed, what the limit is and what would fit', () => {
    expect(formatError(memoryTooSmall({ ...STEP, fitting: { batchSize: 4, size: 2048 } }))).toBe(
      `memory-too-small: training UNet at 1024 px with 8 images in a batch needs about 30.0 GB of memory; the limit is 16.0 GB (of the control group) (spec.training.batchSize, spec.input.size)
  → At 1024 px training.batchSize may be at most about 4; with training.batchSize 1, input.size may be at most about 2048. Or take a narrower network, or give more memory.`,
    );
  });

  it.each([
    [
      { batchSize: undefined, size: 512 },
      /^At 1024 px not even one image fits; with training.batchSize 1, input.size may be at most about 512\./,
    ],
    [{ batchSize: undefined, size: undefined }, /^No size fits: take a narrower network/],
  ])('advises by %j', (fitting, fix) => {
    expect(memoryTooSmall({ ...STEP, fitting }).fix).toMatch(fix);
  });

  it('does not invent a figure', () => {
    const { neededMb: _, ...unknown } = STEP;
    expect(memoryTooSmall({ ...unknown, batchSize: 1, limitMb: 900 }).message).toBe(
      'training UNet at 1024 px with 1 image in a batch needs more memory than there is; the limit is 0.88 GB (of the control group)',
    );
  });
});

describe('fittingSizes', () => {
  it('are the largest of each, where memory grows with both', () => {
    const parts = fc.record({
      size: fc.constantFrom(64, 256, 1024),
      batchSize: fc.integer({ min: 2, max: 256 }),
      sizeMultiple: fc.constantFrom(4, 16, 32),
    });
    fc.assert(
      fc.property(parts, fc.integer({ min: 1, max: 60_000 }), (asked, limitMb) => {
        const memoryMb = (count: number, side: number): number => 400 + (count * side * side) / 1000;
        const { batchSize, size } = fittingSizes(asked, limitMb, memoryMb);
        if (batchSize !== undefined) expect(memoryMb(batchSize, asked.size)).toBeLessThanOrEqual(limitMb);
        if ((batchSize ?? 0) + 1 < asked.batchSize) expect(memoryMb((batchSize ?? 0) + 1, asked.size)).toBeGreaterThan(limitMb);
        if (size !== undefined) expect([size % asked.sizeMultiple, memoryMb(1, size) <= limitMb]).toEqual([0, true]);
        const larger = (size ?? 32 - asked.sizeMultiple) + asked.sizeMultiple;
        if (larger <= 2048) expect(memoryMb(1, larger)).toBeGreaterThan(limitMb);
      }),
    );
  });

  it('are smaller than one image that did not fit, whatever is said', () => {
    expect(fittingSizes({ size: 256, batchSize: 1, sizeMultiple: 32 }, 500, () => 500)).toEqual({ batchSize: undefined, size: 224 });
  });
});

describe('judgeEstimate', () => {
  it.each([
    [600, 'begin'],
    [601, 'try'],
    [1600, 'try'],
    [1601, 'refuse'],
  ])('of %i MB where 1000 are allowed is: %s', (estimate, judged) => {
    expect(judgeEstimate(estimate, 1000)).toBe(judged);
  });
});
