/** What the exit of a container means for its experiment. */

import { statusOfObject } from '@carpal/operator/controller/experiment-object.ts';
import { describe, expect, it } from 'vitest';
import { OUT_OF_MEMORY, type PodScript } from '../cluster/scripted-pod.ts';
import type { ScriptedAttempt } from '../operator/attempt-objects.ts';
import { expectCorrectEnd } from './expect-correct-end.ts';
import type { FaultWorld, Script } from './fault-world.ts';

/** Fold 1 ends like this in its first attempts. Everything else succeeds. */
const foldOne =
  (end: PodScript, attempts = 1): Script =>
  ({ fold, attempt }: ScriptedAttempt) =>
    fold === 1 && attempt <= attempts ? end : {};

const run = (settings: object): { run: object } => ({ run: settings });

export function exitFaults(world: () => FaultWorld): void {
  describe.concurrent('a stage that ends', () => {
    for (const exitCode of [64, 65, 78]) {
      it(`with exit ${exitCode} fails the experiment without a retry`, async () => {
        const name = `final-${exitCode}`;
        await world().begin(name, {}, foldOne({ exitCode, message: 'label finger-99 is not in the class list' }, 9));
        await expectCorrectEnd(world(), name, {
          state: 'Failed',
          reason: 'InvalidData',
          message: new RegExp(`fold 1 ended with exit ${exitCode}: .*label finger-99 is not in the class list`),
          costs: { 'fold 1': { failures: 1 } },
        });
      });
    }

    it('with exit 78 in prepare fails the experiment before any fold has begun', async () => {
      await world().begin('final-prepare', {}, ({ stage }) => (stage === 'prepare' ? { exitCode: 78, message: 'no images' } : {}));
      await expectCorrectEnd(world(), 'final-prepare', { state: 'Failed', reason: 'InvalidData', costs: { prepare: { failures: 1 } } });
    });

    it('with exit 75 was disrupted, and continues from its checkpoint', async () => {
      await world().begin('stopped', {}, foldOne({ exitCode: 75 }));
      await expectCorrectEnd(world(), 'stopped', { state: 'Complete', costs: { 'fold 1': { disruptions: 1 } } });
    });

    it('with exit 75 more often than run.maxDisruptions allows fails the experiment', async () => {
      await world().begin('restless', run({ maxDisruptions: 1 }), foldOne({ exitCode: 75 }, 9));
      await expectCorrectEnd(world(), 'restless', {
        state: 'Failed',
        reason: 'DisruptionBudgetExceeded',
        costs: { 'fold 1': { disruptions: 2 } },
      });
    });

    it('with exit 1 is retried until it has failed more than run.maxFailures times', async () => {
      await world().begin('hopeless', run({ maxFailures: 1 }), foldOne({ exitCode: 1, message: 'loss is NaN' }, 9));
      await expectCorrectEnd(world(), 'hopeless', {
        state: 'Failed',
        reason: 'FailureBudgetExceeded',
        message: /fold 1 failed 2 times, run\.maxFailures is 1; last: exit 1: .*loss is NaN/,
        costs: { 'fold 1': { failures: 2 } },
      });
    });

    it('with exit 1 once continues, and failures and disruptions are counted separately', async () => {
      const ends: readonly PodScript[] = [{ exitCode: 1 }, { exitCode: 75 }, { exitCode: 1 }];
      await world().begin('mixed', run({ maxFailures: 2, maxDisruptions: 1 }), ({ fold, attempt }) =>
        fold === 1 ? (ends[attempt - 1] ?? {}) : {},
      );
      await expectCorrectEnd(world(), 'mixed', { state: 'Complete', costs: { 'fold 1': { failures: 2, disruptions: 1 } } });
    });

    it('without enough memory has failed with the reason OutOfMemory', async () => {
      await world().begin('greedy', run({ maxFailures: 1 }), foldOne(OUT_OF_MEMORY, 1));
      const seen = await world().until('greedy', ({ status }) => (status?.folds?.[1]?.failures ?? 0) > 0);
      expect(statusOfObject(seen)?.folds[1]).toMatchObject({
        reason: 'OutOfMemory',
        message: 'exit 137, out of memory; the limit is 48Gi (placement.memory)',
      });
      await expectCorrectEnd(world(), 'greedy', { state: 'Complete', costs: { 'fold 1': { failures: 1 } } });
    });

    it('with a failure leaves the end of its log in the artifact store, and the condition says where', async () => {
      const created = await world().begin(
        'wordy',
        run({ maxFailures: 0 }),
        foldOne({ exitCode: 1, message: 'CUDA error: device-side assert' }, 9),
      );
      await expectCorrectEnd(world(), 'wordy', {
        state: 'Failed',
        reason: 'FailureBudgetExceeded',
        message: /CUDA error: device-side assert.*\(log: .*\/logs\/fold-1-1\.txt\)/s,
        costs: { 'fold 1': { failures: 1 } },
      });
      const key = `experiments/${world().namespace}/wordy/${created.metadata.uid}/logs/fold-1-1.txt`;
      expect((await world().store.read(key)).toString('utf8')).toBe('CUDA error: device-side assert\n');
    });

    it('after run.foldDeadline is stopped, counted over all attempts of a fold', async () => {
      const slow: PodScript = { until: new Promise(() => undefined) };
      await world().begin('slow', run({ foldDeadline: '3s' }), ({ stage }) => (stage === 'fold' ? slow : {}));
      await expectCorrectEnd(world(), 'slow', {
        state: 'Failed',
        reason: 'FoldDeadlineExceeded',
        message: /fold \d trained longer than run\.foldDeadline \(3s\)/,
      });
    });
  });
}
