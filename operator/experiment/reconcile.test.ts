import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { at, experimentWith } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { reconcile } from './reconcile.ts';
import type { Substrate } from './substrate.ts';
import { StartHeld, StartRefused } from './substrate.ts';

type Told = { readonly written: ExperimentStatus[]; readonly plannedFrom: (ExperimentStatus | undefined)[]; readonly starts: number };

/** Carries steps out against a substrate that answers each start with `onStart`. */
async function step(onStart: () => void, before?: ExperimentStatus): Promise<Told> {
  const written: ExperimentStatus[] = [];
  const plannedFrom: (ExperimentStatus | undefined)[] = [];
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
    onStatusWritten: (_plan, from) => {
      plannedFrom.push(from);
    },
    artifacts: 'store',
    now: () => at(0),
  });
  return { written, plannedFrom, starts };
}

const refuse = (): never => {
  throw new StartRefused('Job.batch "wrist-prepare-1" is invalid: spec.template.spec.nodeSelector: Invalid value');
};

describe('an attempt that the substrate refuses', () => {
  it('ends the experiment with the words of the refusal, in the same step and for good', async () => {
    const { written, starts } = await step(refuse);
    expect(starts).toBe(1);
    const [, last] = written;
    expect(last?.conditions.find(({ type }) => type === 'Failed')).toMatchObject({
      status: 'True',
      reason: 'InvalidManifest',
      message: 'prepare was refused: Job.batch "wrist-prepare-1" is invalid: spec.template.spec.nodeSelector: Invalid value',
    });
    expect(await step(refuse, last)).toEqual({ written: [], plannedFrom: [last], starts: 0 });
  });

  it('is told of after what led to it: no change between two statuses is told twice', async () => {
    const { written, plannedFrom } = await step(refuse);
    expect(plannedFrom).toEqual([undefined, written[0]]);
  });

  it('for the time being is told of in the same step, and asked for once in it', async () => {
    const hold = (): never => {
      throw new StartHeld('exceeded quota', 1000);
    };
    const { written, plannedFrom, starts } = await step(hold);
    expect(starts).toBe(1);
    expect(written.map(({ prepare }) => [prepare.state, prepare.message])).toEqual([
      ['Starting', undefined],
      ['Starting', 'exceeded quota'],
    ]);
    expect(plannedFrom).toEqual([undefined, written[0]]);
    expect(await step(hold, written[1])).toMatchObject({ written: [], starts: 1 });
  });

  it('is not what a server does that is busy: that step throws and is taken up again', async () => {
    const busy = (): never => {
      throw new Error('429');
    };
    await expect(step(busy)).rejects.toThrow('429');
  });
});
