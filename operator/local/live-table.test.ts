import { at, attempt, experimentWith, fold, PREPARE, prepared, report, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { Observed, StageRun } from '../experiment/observed.ts';
import { plan } from '../experiment/plan.ts';
import type { Step } from '../experiment/reconcile.ts';
import { type Colours, tableLines } from './live-table.ts';
import { createLiveView } from './live-view.ts';
import { bar, shortDuration } from './view-text.ts';

const plain = (text: string): string => text;
const NO_COLOURS: Colours = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain, cyan: plain };
const red = (text: string): string => `\u001b[31m${text}\u001b[39m`;
const ALL_RED: Colours = { bold: red, dim: red, red, green: red, yellow: red, cyan: red };

function stepOf(observed: Observed, seconds: number): Step {
  return { observed, plan: plan(experimentWith(), observed, at(seconds)) };
}

function table(step: Step, width = 79, colours = NO_COLOURS): readonly string[] {
  return tableLines(step, { name: 'wrist', parallelism: 5, width, now: at(200), tick: 0, colours });
}

const failed = (index: number): StageRun => attempt(fold(index), 1, { state: 'failed', exitCode: 1, finishedAt: at(195).toISOString() });
const training = seen(
  [prepared(), attempt(fold(0), 1, { state: 'succeeded', finishedAt: at(100).toISOString() }), attempt(fold(1), 1, {}), failed(2)],
  undefined,
  [
    report(0, { state: 'finished', epoch: 40, epochs: 40, bestDice: 0.871 }),
    report(1, { epoch: 20, epochs: 40, loss: 0.21345, bestDice: 0.812, imagesPerSecond: 12.34, etaSeconds: 200 }),
  ],
);

describe('the live table', () => {
  it('shows one line per stage', () => {
    expect(table(stepOf(training, 200))).toMatchInlineSnapshot(`
      [
        "wrist   50%  1 of 3 folds  mean Dice 0.842  4m10s of training left",
        "  prepare   done",
        "  fold 0    done  40/40 epochs  Dice 0.871",
        "  fold 1    ██████░░░░░░    20/40  loss 0.213  Dice 0.812  12.3/s  3m20s",
        "  fold 2    attempt 2 in 5s  1 failed  exit 1",
        "  ensemble  waiting",
      ]
    `);
  });

  it('shows why a fold has failed, which attempt runs, and why another cannot start', () => {
    const ended = (index: number, exitCode: number, message: string): StageRun =>
      attempt(fold(index), 1, { state: 'failed', exitCode, message, finishedAt: at(100).toISOString() });
    const first = stepOf(seen([prepared(), ended(0, 78, 'data-invalid: x.png'), ended(1, 1, 'no'), ended(2, 1, 'no')]), 100).plan.status;
    const runs = [prepared(), ended(0, 78, 'data-invalid: x.png'), ended(1, 1, 'no'), ended(2, 1, 'no'), attempt(fold(1), 2, {})];
    const second = stepOf(seen(runs, first), 150).plan.status;
    const held = [{ ...fold(2), attempt: 2, message: 'the disk is full', againMs: 10_000 }];
    expect(table(stepOf({ ...seen(runs, second), held }, 200), 110)).toMatchInlineSnapshot(`
      [
        "wrist    3%  0 of 3 folds, 1 failed",
        "  prepare   done",
        "  fold 0    failed  exit 78: data-invalid: x.png → fix the data or the configuration; then raise run.retry to…",
        "  fold 1    ⠋  starting  attempt 2  1 failed",
        "  fold 2    cannot start  attempt 2  1 failed  the disk is full",
        "  ensemble  waiting",
      ]
    `);
  });

  it('shows the progress of prepare', () => {
    const prepare = {
      stage: 'prepare',
      state: 'running',
      done: 120,
      total: 480,
      imagesPerSecond: 20,
      etaSeconds: 18,
      updatedAt: at(1).toISOString(),
    } as const;
    const observed: Observed = { ...seen([attempt(PREPARE, 1, {})]), progress: { prepare, folds: new Map() } };
    expect(table(stepOf(observed, 10))[1]).toMatchInlineSnapshot(`"  prepare   ███░░░░░░░░░  120 of 480 images  20.0/s  18s"`);
  });

  it.each([20, 40, 60, 79])('is never wider than %i columns, with or without colours', (width) => {
    for (const line of table(stepOf(training, 200), width)) expect(line.length).toBeLessThanOrEqual(width);
    const painted = table(stepOf(training, 200), width, ALL_RED);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours begin with an escape
    for (const line of painted) expect(line.replaceAll(/\u001b\[[0-9;]*m/g, '').length).toBeLessThanOrEqual(width);
  });

  it('fits the longest figures into 79 columns', () => {
    const reports = [report(0, { epoch: 9999, epochs: 10_000, loss: 999.9994, bestDice: 0.999, imagesPerSecond: 99.9, etaSeconds: 1e6 })];
    const line = table(stepOf(seen([prepared(), attempt(fold(0), 1, {})], undefined, reports), 200))[2];
    expect(line).toContain('11d13h');
    expect(line?.length).toBeLessThanOrEqual(79);
  });
});

describe('the live view', () => {
  it('moves the cursor up by the lines that it drew, in one write, and keeps failures above the table', async () => {
    const writes: string[] = [];
    const view = createLiveView({ write: (text) => writes.push(text), columns: 80, rows: 24 }, NO_COLOURS, () => at(200));
    await view.show(stepOf(training, 200));
    await view.show(stepOf(training, 200));
    view.close();
    const [first = '', second = ''] = writes;
    expect(first).toContain('fold 2, attempt 1 failed: exit 1');
    expect(second).toContain('\u001b[6A');
    expect(second.match(/\n/g)).toHaveLength(7);
  });
});

describe('figures', () => {
  it.each([
    [45, '45s'],
    [200, '3m20s'],
    [7500, '2h05m'],
    [273_600, '3d04h'],
  ])('show %i seconds as %s', (seconds, text) => {
    expect(shortDuration(seconds)).toBe(text);
  });

  it.each([
    [0, '░░░░'],
    [0.5, '██░░'],
    [0.65625, '██▋░'],
    [1, '████'],
  ])('show %f as a bar', (fraction, text) => {
    expect(bar(fraction, 4)).toBe(text);
  });
});
