import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { foldKey } from '@carpal/configs/names.ts';
import { at, attempt, experimentWith, fold, prepared, seen } from '@carpal/testbed/operator/builders.ts';
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
    const view = createPlainView((more) => {
      text += more;
    });
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
});
