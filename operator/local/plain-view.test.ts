import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { foldKey } from '@carpal/configs/names.ts';
import { at, attempt, experimentWith, fold, prepared, report, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { plan } from '../experiment/plan.ts';
import { createPlainView } from './plain-view.ts';

const epoch = (number: number, dice: number | null): string =>
  `${JSON.stringify({
    epoch: number,
    step: 8,
    learningRate: 0.001,
    loss: 0.5 / number,
    validationLoss: dice === null ? null : 0.4,
    dice,
    perClassDice: [],
    seconds: 2,
    imagesPerSecond: 12.34,
    memoryMb: 500,
  })}\n`;

describe('the plain view', () => {
  it('writes one line per new epoch, without times, before the line of the next event', async () => {
    const store = openStore(await mkdtemp(join(tmpdir(), 'carpal-lines-')));
    const experiment = experimentWith({ folds: [0] });
    const metrics = `${foldKey(experiment, 0)}/metrics.ndjson`;
    let text = '';
    const view = createPlainView(
      (more) => {
        text += more;
      },
      () => at(20),
    );
    await store.write(metrics, epoch(1, 0.3));
    await view.begin(experiment, store);
    const running = seen([prepared(), attempt(fold(0), 1, {})]);
    const first = plan(experiment, running, at(10));
    await view.show({ plan: first, observed: running });
    await store.write(metrics, epoch(1, 0.3) + epoch(2, null) + epoch(3, 0.7));
    const done = seen([prepared(), attempt(fold(0), 1, { state: 'succeeded', finishedAt: at(20).toISOString() })], first.status);
    await view.show({ plan: plan(experiment, done, at(20)), observed: done });
    expect(text).toBe(
      [
        'prepare: started',
        'prepare finished',
        'fold 0: started',
        'fold 0: epoch 2/100  loss 0.250  12.3 images/s',
        'fold 0: epoch 3/100  loss 0.167  validation loss 0.400  Dice 0.700  12.3 images/s',
        'fold 0 finished',
        'ensemble: started',
        '',
      ].join('\n'),
    );
  });

  it('writes each warning of a stage once, also if the stage fails with it', async () => {
    let text = '';
    const view = createPlainView(
      (more) => {
        text += more;
      },
      () => at(20),
    );
    const experiment = experimentWith({ folds: [0], maxFailures: 0 });
    const reports = [report(0, { updatedAt: at(5).toISOString(), warnings: ['resumed with 4 threads instead of 2'] })];
    const running = seen([prepared(), attempt(fold(0), 1, {})], undefined, reports);
    const first = plan(experiment, running, at(10));
    await view.show({ plan: first, observed: running });
    const again = { ...running, status: first.status };
    await view.show({ plan: plan(experiment, again, at(11)), observed: again });
    const failed = attempt(fold(0), 1, { state: 'failed', exitCode: 1, message: 'broken', finishedAt: at(20).toISOString() });
    const both = seen([prepared(), failed], first.status, [report(0, { updatedAt: at(19).toISOString(), warnings: ['a class is empty'] })]);
    await view.show({ plan: plan(experiment, both, at(20)), observed: both });
    expect(text.split('\n').slice(3)).toEqual([
      'fold 0: warning: resumed with 4 threads instead of 2',
      'fold 0: warning: a class is empty',
      'fold 0 failed',
      '',
    ]);
  });

  it('says why an attempt ended, when the next one begins, and what a failed fold is while the others continue', async () => {
    let text = '';
    const view = createPlainView(
      (more) => {
        text += more;
      },
      () => at(20),
    );
    const experiment = experimentWith({ folds: [0, 1, 2] });
    const ended = (index: number, exitCode: number, message: string) =>
      attempt(fold(index), 1, { state: 'failed', exitCode, message, finishedAt: at(20).toISOString() });
    const running = seen([prepared(), attempt(fold(0), 1, {}), attempt(fold(1), 1, {}), attempt(fold(2), 1, {})]);
    const before = plan(experiment, running, at(10)).status;
    const observed = seen(
      [prepared(), ended(0, 74, 'disk-full: the disk is full'), ended(1, 78, 'data-invalid: x.png'), attempt(fold(2), 1, {})],
      before,
    );
    await view.show({ plan: plan(experiment, observed, at(20)), observed });
    expect(text.split('\n')).toEqual([
      'fold 0, attempt 1 could not use the artifact store or a disk: exit 74: disk-full: the disk is full',
      expect.stringMatching(/^fold 1, attempt 1 failed: exit 78: data-invalid: x.png/),
      'fold 0: attempt 2 in 1m00s',
      '',
    ]);
  });

  it('says why a start is held, in the words of the cause', async () => {
    let text = '';
    const view = createPlainView(
      (more) => {
        text += more;
      },
      () => at(20),
    );
    const held = [{ ...fold(0), attempt: 1, message: 'the disk is full', againMs: 10_000 }];
    const experiment = experimentWith({ folds: [0] });
    const before = plan(experiment, seen([prepared()]), at(10)).status;
    const observed = { ...seen([prepared()], before), held };
    await view.show({ plan: plan(experiment, observed, at(20)), observed });
    expect(text).toBe('fold 0, attempt 1, cannot be started: the disk is full\n');
  });
});
