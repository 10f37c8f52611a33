import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { at, attempt, experimentWith, fold, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { StageRun } from '../experiment/observed.ts';
import { plan } from '../experiment/plan.ts';
import { confirmVanished } from './experiment-substrate.ts';

const one = experimentWith({ folds: [0] });
const starting = plan(one, seen([prepared()]), at(0)).status;
const running = plan(one, seen([prepared(), attempt(fold(0), 1, {})]), at(0)).status;

/** Confirms the runs `shown` while the API server has the run `remaining` and the Jobs `goneJobs` have disappeared. */
async function confirm(
  status: ExperimentStatus,
  shown: readonly StageRun[],
  { remaining, goneJobs = [] }: { readonly remaining?: StageRun; readonly goneJobs?: readonly string[] } = {},
): Promise<{ readonly asked: readonly string[]; readonly runs: readonly StageRun[] }> {
  const asked: string[] = [];
  const runs = await confirmVanished(shown, one, status, {
    ask: async ({ name }) => {
      asked.push(name);
      return remaining;
    },
    hasGone: (name) => goneJobs.includes(name),
    now: () => at(5),
  });
  return { runs, asked };
}

const NAME = 'wrist-fold-0-1';
const remaining = attempt(fold(0), 1, {});

describe('an attempt that was not observed', () => {
  it('is read from the API server if the status records it as alive, and is not observed if the API server does not have it', async () => {
    expect(await confirm(running, [prepared()], { remaining })).toEqual({ asked: [NAME], runs: [prepared(), remaining] });
    expect(await confirm(running, [prepared()])).toEqual({ asked: [NAME], runs: [prepared()] });
    expect(await confirm(running, [prepared(), remaining])).toEqual({ asked: [], runs: [prepared(), remaining] });
  });

  it('is not read from the API server while it starts, because its Job may never have existed', async () => {
    expect(await confirm(starting, [prepared()])).toEqual({ asked: [], runs: [prepared()] });
  });

  it('is read from the API server while it starts if its Job has disappeared, and counts as disrupted if no pod is left', async () => {
    const taken = await confirm(starting, [prepared()], { goneJobs: [NAME] });
    expect(taken.asked).toEqual([NAME]);
    expect(taken.runs[1]).toMatchObject({ name: NAME, attempt: 1, state: 'failed', disrupted: true, reason: 'JobDeleted' });
    const { status } = plan(one, seen(taken.runs, starting), at(6));
    expect(status.folds[0]).toMatchObject({ state: 'Waiting', attempts: 1, failures: 0, disruptions: 1 });
    expect(await confirm(starting, [prepared()], { remaining, goneJobs: [NAME] })).toEqual({
      asked: [NAME],
      runs: [prepared(), remaining],
    });
  });
});
