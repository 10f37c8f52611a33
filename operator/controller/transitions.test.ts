import { at, attempt, experimentWith, fold, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { plan } from '../experiment/plan.ts';
import { transitions } from './transitions.ts';

const ONE = experimentWith({ folds: [0, 1] });
const begun = plan(ONE, seen([]), at(0)).status;
const training = plan(ONE, seen([prepared()], begun), at(1)).status;

describe('the transitions between two statuses', () => {
  it('are those of the experiment and of each stage, with the attempt and the cause where there is one', () => {
    expect(transitions(undefined, begun)).toEqual([
      { from: 'Pending', to: 'Preparing', reason: 'Preparing' },
      { stage: 'prepare', attempt: 1, from: 'Waiting', to: 'Starting' },
    ]);
    expect(transitions(begun, training)).toEqual([
      { from: 'Preparing', to: 'Training', reason: 'FoldsRunning' },
      { stage: 'prepare', attempt: 1, from: 'Starting', to: 'Succeeded', reason: 'StageFinished' },
      { stage: 'fold 0', attempt: 1, from: 'Waiting', to: 'Starting' },
      { stage: 'fold 1', attempt: 1, from: 'Waiting', to: 'Starting' },
    ]);
    const failed = attempt(fold(0), 1, { state: 'failed', exitCode: 1, message: 'loss is NaN', finishedAt: at(9).toISOString() });
    const waiting = plan(ONE, seen([prepared(), failed, attempt(fold(1), 1, {})], training), at(10)).status;
    expect(transitions(training, waiting)).toEqual([
      { stage: 'fold 0', attempt: 1, from: 'Starting', to: 'Waiting', reason: 'StageFailed', message: 'exit 1: loss is NaN' },
      { stage: 'fold 1', attempt: 1, from: 'Starting', to: 'Running' },
    ]);
  });

  it('are also an attempt that took the place of another within one look', () => {
    const failed = attempt(fold(0), 1, { state: 'failed', exitCode: 75, stopRequested: true, finishedAt: at(9).toISOString() });
    const again = plan(ONE, seen([prepared(), failed], training), at(10)).status;
    expect(transitions(training, again)).toMatchObject([{ stage: 'fold 0', attempt: 2, from: 'Starting', to: 'Starting' }]);
  });

  it('are none where only figures have changed', () => {
    expect(transitions(training, { ...training, progress: '50%' })).toEqual([]);
  });
});
