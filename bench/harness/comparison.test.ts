import { describe, expect, it } from 'vitest';
import { compareWith, comparisonText } from './comparison.ts';
import type { Outcome } from './outcome.ts';

const outcome = (name: string, ratio: number): Outcome => ({
  name,
  what: 'something',
  item: 'image',
  ours: { seconds: [0.001], items: 1, peakMb: 130 },
  peer: { seconds: [0.001 * ratio], items: 1, peakMb: 100 },
  ratio,
  goal: 1,
});
const machine = 'two cores';
const here = (row: Outcome) => ({ ...row, machine });
const committed = [here(outcome('feed', 10))];
const compare = (...outcomes: readonly Outcome[]) => compareWith(committed, { machine, outcomes });

describe("today's figures", () => {
  it('name a ratio that has fallen by more than 15 %, or is no number any more', () => {
    expect(compare(outcome('feed', 8.4)).fallen).toEqual(['feed: 8.40×, was 10.00×']);
    expect(compare(outcome('feed', Number.NaN)).fallen).toEqual(['feed: NaN×, was 10.00×']);
  });

  it('let noise pass', () => {
    for (const ratio of [8.6, 11.4])
      expect(compare(outcome('feed', ratio))).toEqual({ compared: 1, fallen: [], risen: [], missed: [], unknown: [], elsewhere: [] });
  });

  it('tell of a ratio that has risen, which is no fault', () => {
    expect(compare(outcome('feed', 30))).toMatchObject({ fallen: [], risen: ['feed: 30.00×, was 10.00×'], missed: [] });
  });

  it('name each promise that is missed, also where nothing is committed', () => {
    const heavy = { ...outcome('vote', 0.8), withinMs: 2, memoryGoal: 1.2 };
    expect(compare(heavy).missed).toEqual(['vote: promised ≥ 1×', 'vote: promised memory ≤ 1.2×']);
    expect(compare({ ...outcome('feed', 10), withinMs: 0.5 }).missed).toEqual(['feed: promised ≤ 0.5 ms']);
  });

  it('hold the median over the networks to what is promised, once all of them were measured', () => {
    const steps = [outcome('step-A-256', 1.1), outcome('step-B-256', 1.1)];
    expect(compareWith(steps.map(here), { machine, outcomes: steps }).missed).toEqual([
      'the median, float32 at 256 px: 1.10×, promised ≥ 1.15×',
    ]);
    expect(compareWith(steps.map(here), { machine, outcomes: steps.slice(1) }).missed).toEqual([]);
  });

  it('are held to what is promised without a peer', () => {
    const measures = [
      { what: '  memory', value: 510.4, unit: 'MB', atMost: 500 },
      { what: 'time', value: 2, unit: 's', atMost: 3 },
    ];
    const found = compareWith([], { machine, outcomes: [], alone: [{ name: 'vote-large', what: 'a large vote', measures }] });
    expect(found).toMatchObject({ compared: 0, missed: ['vote-large, memory: 510 MB, promised ≤ 500'] });
    expect(comparisonText({ ...found, missed: [] })).toBe('every promise is kept');
  });

  it('tell of a benchmark that is new that it was not compared', () => {
    expect(compare(outcome('vote', 1), outcome('feed', 10))).toMatchObject({ compared: 1, unknown: ['vote'] });
    expect(compareWith([], { machine, outcomes: [outcome('feed', 10)] })).toMatchObject({ compared: 0, unknown: ['feed'] });
  });

  it('tell which ratios were committed on another machine', () => {
    const found = compareWith(committed, { machine: 'four cores', outcomes: [outcome('feed', 10), outcome('vote', 1)] });
    expect(found).toMatchObject({ elsewhere: ['feed'], unknown: ['vote'] });
    expect(comparisonText(found)).toContain('committed on another machine: feed\n');
  });

  it('are told of line by line', () => {
    expect(comparisonText(compare(outcome('vote', 1), outcome('feed', 10)))).toBe(
      'none of 1 ratios has fallen\nevery promise is kept\nnothing is committed of vote',
    );
    const worse = { compared: 3, fallen: ['a: 1', 'b: 2'], risen: ['c: 3'], missed: ['d: 4'], unknown: [], elsewhere: [] };
    expect(comparisonText(worse)).toBe('fallen: a: 1\nfallen: b: 2\nrisen: c: 3\nmissed: d: 4');
  });
});
