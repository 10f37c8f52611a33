import { describe, expect, it } from 'vitest';
import { memoryAbovePromise, stepMedians } from './step-medians.ts';

const row = (name: string, ratio: number, revision: string) => ({ name, ratio, revision });

describe('the median over the networks', () => {
  it('is of steps of one size and precision, held to what is promised of it', () => {
    const rows = [
      row('step-A-256', 1, 'one'),
      row('step-B-256', 1.2, 'two'),
      row('step-C-256', 1.3, 'one'),
      row('step-A-256-bfloat16', 1.01, 'one'),
      row('step-A-512', 0.5, 'one'),
      row('infer-A', 9, 'one'),
    ];
    expect(stepMedians(rows)).toEqual([
      { kind: 'float32 at 256 px', median: 1.2, lowest: 1, networks: 3, goal: 1.15, isKept: true, revisions: ['one', 'two'] },
      { kind: 'bfloat16 at 256 px', median: 1.01, lowest: 1.01, networks: 1, goal: 1.05, isKept: false, revisions: ['one'] },
      { kind: 'float32 at 512 px', median: 0.5, lowest: 0.5, networks: 1, isKept: true, revisions: ['one'] },
    ]);
  });

  it('goes with the number of rows whose memory is above what is promised, or was not looked at', () => {
    const outcome = (peakMb: number | undefined, promises: { memoryGoal?: number }) => ({
      ...{ name: 'step', what: '', item: 'image', ratio: 1, goal: 1, ...promises },
      ours: { seconds: [1], items: 1, ...(peakMb === undefined ? {} : { peakMb }) },
      peer: { seconds: [1], items: 1, peakMb: 100 },
    });
    const goal = { memoryGoal: 1.2 };
    const rows = [outcome(121, goal), outcome(119, goal), outcome(300, {}), outcome(undefined, goal)];
    expect(memoryAbovePromise(rows)).toEqual({ above: 2, rows: 3 });
  });
});
