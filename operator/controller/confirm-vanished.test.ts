import type { ExperimentStatus } from '@carpal/configs/experiment-status.ts';
import { at, attempt, experimentWith, fold, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { StageRun } from '../experiment/observed.ts';
import { plan } from '../experiment/plan.ts';
import type { Substrate } from '../experiment/substrate.ts';
import { confirmVanished } from './confirm-vanished.ts';

const one = experimentWith({ folds: [0] });
const starting = plan(one, seen([prepared()]), at(0)).status;
const running = plan(one, seen([prepared(), attempt(fold(0), 1, {})]), at(0)).status;

/** Looks that show `shown`, where the API server has `there` and these Jobs were seen to go; what was asked for by name, and what came of it. */
async function look(
  status: ExperimentStatus,
  shown: readonly StageRun[],
  { there, gone = [] }: { readonly there?: StageRun; readonly gone?: readonly string[] } = {},
): Promise<{ readonly asked: readonly string[]; readonly runs: readonly StageRun[] }> {
  const asked: string[] = [];
  const nothing = async (): Promise<void> => undefined;
  const substrate: Substrate = { observe: async () => shown, start: nothing, stop: nothing, remove: nothing };
  const confirmed = confirmVanished(substrate, one, status, {
    ask: async ({ name }) => {
      asked.push(name);
      return there;
    },
    hasGone: (name) => gone.includes(name),
    now: () => at(5),
  });
  return { runs: await confirmed.observe(), asked };
}

const NAME = 'wrist-fold-0-1';
const there = attempt(fold(0), 1, {});

describe('an attempt that a look does not show', () => {
  it('is asked for by its name where the status takes it for alive, and counts as gone only then', async () => {
    expect(await look(running, [prepared()], { there })).toEqual({ asked: [NAME], runs: [prepared(), there] });
    expect(await look(running, [prepared()])).toEqual({ asked: [NAME], runs: [prepared()] });
    expect(await look(running, [prepared(), there])).toEqual({ asked: [], runs: [prepared(), there] });
  });

  it('and that was to start is not asked for: it may never have been there', async () => {
    expect(await look(starting, [prepared()])).toEqual({ asked: [], runs: [prepared()] });
  });

  it('and that was to start is, where its Job was seen to go: then it was taken away, unless a pod of it is left', async () => {
    const taken = await look(starting, [prepared()], { gone: [NAME] });
    expect(taken.asked).toEqual([NAME]);
    expect(taken.runs[1]).toMatchObject({ name: NAME, attempt: 1, state: 'failed', disrupted: true, reason: 'JobDeleted' });
    const { status } = plan(one, seen(taken.runs, starting), at(6));
    expect(status.folds[0]).toMatchObject({ state: 'Waiting', attempts: 1, failures: 0, disruptions: 1 });
    expect(await look(starting, [prepared()], { there, gone: [NAME] })).toEqual({ asked: [NAME], runs: [prepared(), there] });
  });
});
