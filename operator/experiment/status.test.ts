import { at, attempt, ENSEMBLE, experimentWith, fold, PREPARE, prepared, report, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { StageRun } from './observed.ts';
import { plan } from './plan.ts';

const done = (index: number): StageRun => attempt(fold(index), 1, { state: 'succeeded', finishedAt: at(90).toISOString() });
const ensembled = attempt(ENSEMBLE, 1, { state: 'succeeded', finishedAt: at(99).toISOString() });
const broken = attempt(fold(1), 1, { state: 'failed', exitCode: 137, reason: 'OOMKilled', finishedAt: at(50).toISOString() });
const wrong = attempt(fold(1), 1, { state: 'failed', exitCode: 65, finishedAt: at(50).toISOString() });

const waiting = (index: number): StageRun =>
  attempt(fold(index), 1, { state: 'pending', message: '0/1 nodes are available: 1 Insufficient nvidia.com/gpu.' });

const ROWS: [string, readonly StageRun[], boolean, [string, string, string]][] = [
  ['prepare is about to start', [], false, ['Preparing', 'Preparing', '0/3']],
  ['nothing has begun', [], true, ['Suspended', 'SuspendedByUser', '0/3']],
  ['the data set is being prepared', [attempt(PREPARE, 1, {})], false, ['Preparing', 'Preparing', '0/3']],
  ['the first stage is in a queue', [attempt(PREPARE, 1, { state: 'queued' })], false, ['Queued', 'Queued', '0/3']],
  ['a fold trains', [prepared(), done(0), attempt(fold(1), 1, {})], false, ['Training', 'FoldsRunning', '1/3']],
  ['folds wait for nodes', [prepared(), done(0), waiting(1)], false, ['Pending', 'StagePending', '1/3']],
  [
    'one fold waits for a node while another trains',
    [prepared(), attempt(fold(0), 1, {}), waiting(1)],
    false,
    ['Training', 'FoldsRunning', '0/3'],
  ],
  [
    'the first stage waits for its image',
    [attempt(PREPARE, 1, { state: 'pending', message: 'ErrImagePull: none' })],
    false,
    ['Pending', 'StagePending', '0/3'],
  ],
  ['the first stage has just got its pod', [attempt(PREPARE, 1, { state: 'pending' })], false, ['Preparing', 'Preparing', '0/3']],
  ['a fold waits for its next attempt', [prepared(), done(0), broken], false, ['Training', 'OutOfMemory', '1/3']],
  ['the ensemble runs', [prepared(), done(0), done(1), done(2), attempt(ENSEMBLE, 1, {})], false, ['Ensembling', 'Ensembling', '3/3']],
  ['the experiment is suspended', [prepared(), done(0)], true, ['Suspended', 'SuspendedByUser', '1/3']],
  ['the experiment is complete', [prepared(), done(0), done(1), done(2), ensembled], true, ['Complete', 'ExperimentComplete', '3/3']],
  ['every fold has ended, and one has failed for good', [prepared(), done(0), wrong, done(2)], true, ['Failed', 'InvalidData', '2/3']],
];

describe('the summary in the status', () => {
  it.each(ROWS)('is right when %s', (_, runs, suspend, expected) => {
    const { state, reason, foldsFinished } = plan(experimentWith({ suspend }), seen(runs), at(55)).status;
    expect([state, reason, foldsFinished]).toEqual(expected);
  });

  it('lists next to the finished folds how many folds wait, and why', () => {
    const { conditions } = plan(experimentWith(), seen([prepared(), done(0), waiting(1), waiting(2)]), at(55)).status;
    expect(conditions.find(({ type }) => type === 'Training')?.message).toBe(
      '1 of 3 folds finished, 2 wait: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu.',
    );
  });

  it('explains a failure in one condition and gives its reason in all of them', () => {
    const { conditions } = plan(experimentWith({ onFoldFailure: 'stop' }), seen([prepared(), done(0), wrong]), at(55)).status;
    const reported = conditions.filter(({ type }) => type !== 'Suspended').map(({ type, reason, message }) => [type, reason, message]);
    expect(reported).toEqual([
      ['Prepared', 'DatasetPrepared', 'the prepared data set is in the store'],
      ['Training', 'InvalidData', '1 of 3 folds finished'],
      ['Complete', 'InvalidData', ''],
      ['Failed', 'InvalidData', expect.stringMatching(/^fold 1 ended with exit 65/)],
    ]);
  });

  it('rounds the figures of a fold', () => {
    const reports = [report(0, { epoch: 1, epochs: 9, loss: 0.213456789, dice: 0.912345678, bestDice: 0.93123456 })];
    const [first] = plan(experimentWith(), seen([prepared()], undefined, reports), at(55)).status.folds;
    expect(first).toMatchObject({ loss: 0.2135, dice: 0.9123, bestDice: 0.9312 });
  });

  it('rounds Dice to four places, so that tables stay narrow and tiny changes do not change the status', () => {
    const reports = [0, 1, 2].map((index) => report(index, { epoch: 1, epochs: 9, bestDice: 0.96 + index / 7000 }));
    expect(plan(experimentWith(), seen([prepared()], undefined, reports), at(55)).status.bestDice).toBe(0.9601);
  });
});
