import { describe, expect, it } from 'vitest';
import { STEP_METHOD } from '../baseline/step-method.ts';
import type { Measured, Outcome } from './outcome.ts';
import { memoryAboveGoal, stepMedians, stepName, stepSection, stepShape } from './step-matrix.ts';

const outcome = (name: string, ratio: number, more: Partial<Outcome & Measured> = {}): Outcome & Measured => ({
  ...{ name, what: '', item: 'image', against: '', ratio, goal: 1.05, memoryGoal: 1.2, method: STEP_METHOD },
  ours: { seconds: [1], items: 1, peakMb: 130 },
  baseline: { seconds: [1], items: 1, peakMb: 100 },
  ...{ revision: 'one', machine: 'two cores' },
  ...more,
});

describe('the name of a step', () => {
  it.each([
    ['step-UNet-256', { network: 'UNet', size: 256, precision: 'float32', count: 1 }],
    ['step-UNet3Plus-512-bfloat16', { network: 'UNet3Plus', size: 512, precision: 'bfloat16', count: 1 }],
    ['step-HRNet-256-batch4', { network: 'HRNet', size: 256, precision: 'float32', count: 4 }],
    ['step-HRNet-256-bfloat16-batch2', { network: 'HRNet', size: 256, precision: 'bfloat16', count: 2 }],
  ] as const)('states the shape of %s', (name, shape) => {
    expect(stepShape(name)).toEqual(shape);
    expect(stepName(shape)).toBe(name);
  });

  it('is not the name of another case', () => {
    expect(['steps-2000', 'infer-UNet', 'epoch'].map(stepShape)).toEqual([undefined, undefined, undefined]);
  });
});

describe('stepMedians', () => {
  it('returns the median over the networks at one size and precision, for single images, with its goal', () => {
    const rows = [
      outcome('step-A-256', 1),
      outcome('step-B-256', 1.2, { revision: 'two' }),
      outcome('step-C-256', 1.3),
      outcome('step-A-256-bfloat16', 1.01),
      outcome('step-A-512', 0.5),
      outcome('step-A-256-batch2', 9),
      outcome('infer-A', 9),
    ];
    expect(stepMedians(rows)).toEqual([
      { kind: 'float32 at 256 px', median: 1.2, lowest: 1, networks: 3, goal: 1.15, isMet: true, revisions: ['one', 'two'] },
      { kind: 'bfloat16 at 256 px', median: 1.01, lowest: 1.01, networks: 1, goal: 1.05, isMet: false, revisions: ['one'] },
      { kind: 'float32 at 512 px', median: 0.5, lowest: 0.5, networks: 1, isMet: true, revisions: ['one'] },
    ]);
  });
});

describe('memoryAboveGoal', () => {
  it('counts the rows whose peak memory is above the goal or was not measured', () => {
    const row = (peakMb: number | undefined, goal = true): Outcome => {
      const { memoryGoal = 0, ...rest } = outcome('step-A-256', 1);
      const ours = { seconds: [1], items: 1, ...(peakMb === undefined ? {} : { peakMb }) };
      return { ...rest, ours, ...(goal ? { memoryGoal } : {}) };
    };
    expect(memoryAboveGoal([row(121), row(119), row(300, false), row(undefined)])).toEqual({ above: 2, rows: 3 });
  });
});

describe('stepSection', () => {
  it('is empty without steps', () => {
    expect(stepSection([outcome('infer-A', 9)])).toBe('');
  });

  it('shows network × size × precision as matrices of speed and memory, and marks missed goals', () => {
    const text = stepSection([
      outcome('step-UNet-256', 1.5),
      outcome('step-UNet-512-bfloat16', 0.9),
      outcome('step-SlimUNet-256', 1.2, { ours: { seconds: [1], items: 1, peakMb: 50 } }),
    ]);
    expect(text).toContain('| network | float32 at 256 px | bfloat16 at 256 px | float32 at 512 px | bfloat16 at 512 px | notes |');
    expect(text).toContain('| UNet | 1.50× |  |  | 0.90× (missed) | 1, 2 |');
    expect(text).toContain('| UNet | 1.30× (missed) |  |  | 1.30× (missed) | 1, 2 |');
    expect(text).toContain('| SlimUNet | 0.50× |  |  |  |  |');
    expect(text).not.toContain('†');
  });

  it('shows batches in separate matrices, and says which batches are not measured', () => {
    const text = stepSection([outcome('step-UNet-256', 1.5), outcome('step-UNet-256-batch2', 1.7)]);
    expect(text).toContain("### Speed, batches of 2\n\ncarpal's speed as a multiple of the baseline's.");
    expect(text).toContain('| UNet | 1.70× |  |  |  | 1, 2 |');
    expect(text).toContain('Not measured yet: batches of 4.');
  });

  it('marks figures of an earlier method with their revisions', () => {
    const { method: _, ...earlier } = outcome('step-UNet-256', 1.5, { revision: 'before' });
    const text = stepSection([earlier, outcome('step-UNet-512', 1.4)]);
    expect(text).toContain('† Measured with an earlier baseline, at revisions before: ');
    expect(text).toContain('(some †)');
    expect(text).toContain('| UNet | 1.50× † |  | 1.40× |  | 1, 2 |');
  });
});
