import { describe, expect, it } from 'vitest';
import { at, attempt, ENSEMBLE, experimentWith, fold, PREPARE, prepared, report, seen } from '../testing/builders.ts';
import type { StageRun } from './observed.ts';
import { plan } from './plan.ts';

const done = (index: number): StageRun => attempt(fold(index), 1, { state: 'succeeded', finishedAt: at(90).toISOString() });
const ensembled = attempt(ENSEMBLE, 1, { state: 'succeeded', finishedAt: at(99).toISOString() });
const broken = attempt(fold(1), 1, { state: 'failed', exitCode: 137, reason: 'OOMKilled', finishedAt: at(50).toISOString() });
const wrong = attempt(fold(1), 1, { state: 'failed', exitCode: 65, finishedAt: at(50).toISOString() });

const ROWS: [string, readonly StageRun[], boolean, [string, string, string]][] = [
  ['nothing has begun', [], false, ['Pending', 'Pending', '0/3']],
  ['the data set is being prepared', [attempt(PREPARE, 1, {})], false, ['Preparing', 'Preparing', '0/3']],
  ['a queue holds the first stage back', [attempt(PREPARE, 1, { state: 'queued' })], false, ['Queued', 'Queued', '0/3']],
  ['a fold trains', [prepared(), done(0), attempt(fold(1), 1, {})], false, ['Training', 'FoldsRunning', '1/3']],
  ['a fold waits for its next attempt', [prepared(), done(0), broken], false, ['Training', 'OutOfMemory', '1/3']],
  ['the ensemble is made', [prepared(), done(0), done(1), done(2), attempt(ENSEMBLE, 1, {})], false, ['Ensembling', 'Ensembling', '3/3']],
  ['it is suspended', [prepared(), done(0)], true, ['Suspended', 'SuspendedByUser', '1/3']],
  ['it is complete', [prepared(), done(0), done(1), done(2), ensembled], true, ['Complete', 'ExperimentComplete', '3/3']],
  ['a fold has failed for good', [prepared(), done(0), wrong], true, ['Failed', 'InvalidData', '1/3']],
];

describe('the summary in the status', () => {
  it.each(ROWS)('tells that %s', (_, runs, suspend, expected) => {
    const { state, reason, foldsFinished } = plan(experimentWith({ suspend }), seen(runs), at(55)).status;
    expect([state, reason, foldsFinished]).toEqual(expected);
  });

  it('gives Dice to four places, so that tables are narrow and a status does not change by nothing', () => {
    const reports = [0, 1, 2].map((index) => report(index, { epoch: 1, epochs: 9, bestDice: 0.96 + index / 7000 }));
    expect(plan(experimentWith(), seen([prepared()], undefined, reports), at(55)).status.bestDice).toBe(0.9601);
  });
});
