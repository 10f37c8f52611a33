import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { at, attempt, experimentWith, fold, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { StageRun } from './observed.ts';
import { plan } from './plan.ts';
import { reconcile } from './reconcile.ts';
import type { StatusChange } from './status-diff.ts';
import type { Substrate } from './substrate.ts';
import { StartHeld } from './substrate.ts';

type StepResult = { readonly written: ExperimentStatus[]; readonly changes: (readonly StatusChange[])[]; readonly starts: number };

/** Carries out a step with a substrate that calls `onStart` at each start. */
async function step(onStart: () => void, before?: ExperimentStatus): Promise<StepResult> {
  const written: ExperimentStatus[] = [];
  const changes: (readonly StatusChange[])[] = [];
  let starts = 0;
  const substrate: Substrate = {
    observe: async () => [],
    start: async () => {
      starts += 1;
      onStart();
    },
    stop: async () => undefined,
    remove: async () => undefined,
  };
  await reconcile(experimentWith(), {
    substrate,
    readProgress: async () => ({ folds: new Map() }),
    readStatus: async () => before,
    writeStatus: async (status) => {
      written.push(status);
    },
    onStatusWritten: (plan) => {
      changes.push(plan.changes);
    },
    artifacts: 'store',
    now: () => at(0),
  });
  return { written, changes, starts };
}

/** Two plans reported changes, and no change was reported twice. */
function expectEachOnce(changes: StepResult['changes']): void {
  expect(changes.map(({ length }) => length > 0)).toEqual([true, true]);
  const texts = changes.flat().map((change) => JSON.stringify(change));
  expect(new Set(texts).size).toBe(texts.length);
}

const refuse = (): never => {
  const message = 'Job.batch "wrist-prepare-1" is invalid: spec.template.spec.nodeSelector: Invalid value';
  throw new StartHeld(message, 1000, { hold: 'refused' });
};

describe('an attempt that the substrate refuses', () => {
  it('is held with the message of the refusal, in the same step, and tried again by the next step', async () => {
    const { written, starts } = await step(refuse);
    expect(starts).toBe(1);
    const [, last] = written;
    expect(last?.prepare).toMatchObject({
      state: 'Starting',
      reason: 'InvalidManifest',
      message: 'Job.batch "wrist-prepare-1" is invalid: spec.template.spec.nodeSelector: Invalid value',
    });
    expect(await step(refuse, last)).toMatchObject({ written: [], starts: 1 });
  });

  it('is reported after the changes that led to it, and no change is reported twice', async () => {
    const { changes } = await step(refuse);
    expectEachOnce(changes);
  });

  it('for now is reported in the same step, and tried once per step', async () => {
    const hold = (): never => {
      throw new StartHeld('exceeded quota', 1000);
    };
    const { written, changes, starts } = await step(hold);
    expect(starts).toBe(1);
    expect(written.map(({ prepare }) => [prepare.state, prepare.message])).toEqual([
      ['Starting', undefined],
      ['Starting', 'exceeded quota'],
    ]);
    expectEachOnce(changes);
    expect(await step(hold, written[1])).toMatchObject({ written: [], starts: 1 });
  });

  it('for a reason that the substrate names is reported with this reason', async () => {
    const deny = (): never => {
      throw new StartHeld('denied by policy', 1000, { hold: 'denied' });
    };
    expect((await step(deny)).written.at(-1)?.prepare).toMatchObject({ reason: 'StageDenied', message: 'denied by policy' });
  });

  it('is different from an error of a busy server: that step throws and is retried', async () => {
    const busy = (): never => {
      throw new Error('429');
    };
    await expect(step(busy)).rejects.toThrow('429');
  });
});

describe('an attempt that is lost', () => {
  const one = experimentWith({ folds: [0] });
  const lost: StageRun = { ...attempt(fold(0), 1, {}), lost: true };
  const begun = plan(one, seen([prepared(), attempt(fold(0), 1, {})]), at(10)).status;
  const waiting = plan(one, seen([prepared(), lost], begun), at(20)).status;

  /** Carries out a step and returns the calls of the substrate. */
  async function callsOf(onAbandon: () => void): Promise<readonly string[]> {
    const calls: string[] = [];
    const substrate: Substrate = {
      observe: async () => [prepared(), lost],
      start: async ({ name }) => {
        calls.push(`start ${name}`);
      },
      stop: async (name) => {
        calls.push(`stop ${name}`);
      },
      abandon: async (name) => {
        calls.push(`abandon ${name}`);
        onAbandon();
      },
      remove: async () => undefined,
    };
    const step = reconcile(one, {
      substrate,
      readProgress: async () => ({ folds: new Map() }),
      readStatus: async () => waiting,
      writeStatus: async () => undefined,
      artifacts: 'store',
      now: () => at(100),
    });
    await step.catch(() => undefined);
    return calls;
  }

  it('is abandoned before its successor starts', async () => {
    expect(await callsOf(() => undefined)).toEqual(['abandon wrist-fold-0-1', 'start wrist-fold-0-2']);
  });

  it('has no successor while it cannot be abandoned', async () => {
    const fail = (): never => {
      throw new Error('403');
    };
    expect(await callsOf(fail)).toEqual(['abandon wrist-fold-0-1']);
  });
});
