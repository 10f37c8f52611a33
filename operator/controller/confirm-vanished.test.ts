import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { at, attempt, experimentWith, fold, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { StageRun } from '../experiment/observed.ts';
import { plan } from '../experiment/plan.ts';
import { confirmVanished } from './confirm-vanished.ts';

const one = experimentWith({ folds: [0] });
const starting = plan(one, seen([prepared()]), at(0)).status;
const running = plan(one, seen([prepared(), attempt(fold(0), 1, {})]), at(0)).status;

/** An observation of `shown`, while the API server has `there` and the Jobs `gone` were seen to disappear. */
async function confirm(
  status: ExperimentStatus,
  shown: readonly StageRun[],
  { there, gone = [] }: { readonly there?: StageRun; readonly gone?: readonly string[] } = {},
): Promise<{ readonly asked: readonly string[]; readonly runs: readonly StageRun[] }> {
  const asked: string[] = [];
  const runs = await confirmVanished(shown, one, status, {
    ask: async ({ name }) => {
      asked.push(name);
      return there;
    },
    hasGone: (name) => gone.includes(name),
    now: () => at(5),
  });
  return { runs, asked };
}

const NAME = 'wrist-fold-0-1';
const there = attempt(fold(0), 1, {});

describe('an attempt that was not observed', () => {
  it('is asked for by name if the status takes it for alive, and counts as gone only if the API server has none', async () => {
    expect(await confirm(running, [prepared()], { there })).toEqual({ asked: [NAME], runs: [prepared(), there] });
    expect(await confirm(running, [prepared()])).toEqual({ asked: [NAME], runs: [prepared()] });
    expect(await confirm(running, [prepared(), there])).toEqual({ asked: [], runs: [prepared(), there] });
  });

  it('is not asked for while it starts: it may never have existed', async () => {
    expect(await confirm(starting, [prepared()])).toEqual({ asked: [], runs: [prepared()] });
  });

  it('is asked for while it starts if its Job was seen to disappear, and counts as disrupted unless a pod is left', async () => {
    const taken = await confirm(starting, [prepared()], { gone: [NAME] });
    expect(taken.asked).toEqual([NAME]);
    expect(taken.runs[1]).toMatchObject({ name: NAME, attempt: 1, state: 'failed', disrupted: true, reason: 'JobDeleted' });
    const { status } = plan(one, seen(taken.runs, starting), at(6));
    expect(status.folds[0]).toMatchObject({ state: 'Waiting', attempts: 1, failures: 0, disruptions: 1 });
    expect(await confirm(starting, [prepared()], { there, gone: [NAME] })).toEqual({ asked: [NAME], runs: [prepared(), there] });
  });
});
