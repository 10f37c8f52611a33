import { describe, expect, it } from 'vitest';
import { compareWith, comparisonText } from './comparison.ts';
import type { Outcome } from './outcome.ts';

const outcome = (name: string, ratio: number): Outcome => ({
  name,
  what: 'something',
  item: 'image',
  against: 'another program',
  ours: { seconds: [0.001], items: 1, peakMb: 130 },
  baseline: { seconds: [0.001 * ratio], items: 1, peakMb: 100 },
  ratio,
  goal: 1,
});
const machine = 'two cores';
const here = (row: Outcome) => ({ ...row, machine });
const committed = [here(outcome('feed', 10))];
const compare = (...outcomes: readonly Outcome[]) => compareWith(committed, { machine, outcomes });

describe('compareWith', () => {
  it('lists a ratio that is lower by more than 15 %, or NaN', () => {
    expect(compare(outcome('feed', 8.4)).lower).toEqual(['feed: 8.40×, was 10.00×']);
    expect(compare(outcome('feed', Number.NaN)).lower).toEqual(['feed: NaN×, was 10.00×']);
  });

  it('ignores noise', () => {
    for (const ratio of [8.6, 11.4])
      expect(compare(outcome('feed', ratio))).toEqual({
        ...{ compared: 1, lower: [], higher: [], missed: [], unknown: [], otherMethod: [], elsewhere: [] },
      });
  });

  it('lists a ratio that is higher, which is not a failure', () => {
    expect(compare(outcome('feed', 30))).toMatchObject({ lower: [], higher: ['feed: 30.00×, was 10.00×'], missed: [] });
  });

  it('lists every missed goal, also without a committed figure', () => {
    const heavy = { ...outcome('vote', 0.8), withinMs: 2, memoryGoal: 1.2 };
    expect(compare(heavy).missed).toEqual(['vote: goal ≥ 1×', 'vote: goal memory ≤ 1.2×']);
    expect(compare({ ...outcome('feed', 10), withinMs: 0.5 }).missed).toEqual(['feed: goal ≤ 0.5 ms']);
  });

  it('checks the median over the networks once all networks are measured', () => {
    const steps = [outcome('step-A-256', 1.1), outcome('step-B-256', 1.1)];
    expect(compareWith(steps.map(here), { machine, outcomes: steps }).missed).toEqual([
      'the median, float32 at 256 px: 1.10×, goal ≥ 1.15×',
    ]);
    expect(compareWith(steps.map(here), { machine, outcomes: steps.slice(1) }).missed).toEqual([]);
  });

  it('checks the goals of cases without a baseline', () => {
    const measures = [
      { what: '  memory', value: 510.4, unit: 'MB', atMost: 500 },
      { what: 'time', value: 2, unit: 's', atMost: 3 },
    ];
    const found = compareWith([], { machine, outcomes: [], standalone: [{ name: 'vote-large', what: 'a large vote', measures }] });
    expect(found).toMatchObject({ compared: 0, missed: ['vote-large, memory: 510 MB, goal ≤ 500'] });
    expect(comparisonText({ ...found, missed: [] })).toBe('every goal is met');
  });

  it('does not compare a case without a committed figure', () => {
    expect(compare(outcome('vote', 1), outcome('feed', 10))).toMatchObject({ compared: 1, unknown: ['vote'] });
    expect(compareWith([], { machine, outcomes: [outcome('feed', 10)] })).toMatchObject({ compared: 0, unknown: ['feed'] });
  });

  it('does not compare ratios to different versions of a baseline', () => {
    const found = compare({ ...outcome('feed', 5), method: 2 });
    expect(found).toMatchObject({ compared: 0, lower: [], otherMethod: ['feed'] });
    expect(comparisonText(found)).toBe('every goal is met\nnot compared, because the method of the baseline has changed: feed');
  });

  it('lists ratios that were committed on another machine', () => {
    const found = compareWith(committed, { machine: 'four cores', outcomes: [outcome('feed', 10), outcome('vote', 1)] });
    expect(found).toMatchObject({ elsewhere: ['feed'], unknown: ['vote'] });
    expect(comparisonText(found)).toContain('committed on another machine: feed\n');
  });
});

describe('comparisonText', () => {
  it('has one line per finding', () => {
    expect(comparisonText(compare(outcome('vote', 1), outcome('feed', 10)))).toBe(
      '0 of 1 ratios are lower\nevery goal is met\nno committed figure: vote',
    );
    const none = { unknown: [], otherMethod: [], elsewhere: [] };
    const worse = { compared: 3, lower: ['a: 1', 'b: 2'], higher: ['c: 3'], missed: ['d: 4'], ...none };
    expect(comparisonText(worse)).toBe('lower: a: 1\nlower: b: 2\nhigher: c: 3\nmissed: d: 4');
  });
});
