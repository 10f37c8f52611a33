import { EXPERIMENTS } from '@carpal/configs/names.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { ExperimentObject } from '@carpal/operator/controller/experiment-object.ts';
import { describe, expect, it } from 'vitest';
import { type ApiCall, type FaultyApiProxy, firstCalls } from '../kubernetes/faulty-api-proxy.ts';
import { type ProxiedRun, useProxiedRuns } from './proxied-run.ts';

const proxied = useProxiedRuns();
const isStatusWrite = ({ resource }: ApiCall): boolean => resource === 'segmentationexperiments/status';

/** A change of the experiment, or of its status, by someone else. */
async function edit({ name, namespace }: Pick<ProxiedRun, 'name' | 'namespace'>, body: object, subresource?: 'status'): Promise<void> {
  const place = { namespace, name, ...(subresource === undefined ? {} : { subresource }) };
  await proxied().world.client.request({ method: 'PATCH', patch: 'merge', path: resourcePath(EXPERIMENTS, place), body });
}

/** Whether this is a version after the foreign one with that progress, in which both folds run again. */
function isPutRight(progress: string | undefined): (experiment: ExperimentObject) => boolean {
  return (seen) => {
    const versions = proxied().follower.versionsOf(seen.metadata.name);
    const isLater = versions.indexOf(seen) > versions.findIndex(({ status }) => status?.progress === progress && versions.length > 1);
    return isLater && seen.status?.progress !== progress && seen.status?.folds?.every(({ state }) => state === 'Running') === true;
  };
}

describe.concurrent('an experiment ends correctly', { timeout: 120_000 }, () => {
  it('when it is edited just before every second status write', async () => {
    const edits: Promise<void>[] = [];
    await proxied().run('edited', {}, async (run) => {
      let writes = 0;
      run.proxy.set((call) => {
        if (!isStatusWrite(call)) return undefined;
        writes += 1;
        if (writes % 2 === 0) return undefined;
        const until = edit(run, { metadata: { annotations: { 'example.com/note': `write ${writes}` } } });
        edits.push(until);
        return { until };
      });
      await run.untilTraining();
    });
    await Promise.all(edits);
    expect(edits.length).toBeGreaterThan(3);
  });

  it('when its status is edited and then deleted', async () => {
    await proxied().run('overwritten', {}, async (run) => {
      const { follower } = proxied();
      const { untilTraining, name } = run;
      await untilTraining();
      await edit(run, { status: { progress: '99%' } }, 'status');
      await follower.until(name, ({ status }) => status?.progress === '99%');
      await follower.until(name, isPutRight('99%'));
      await edit(run, { status: null }, 'status');
      await follower.until(name, ({ status }) => status === undefined);
      await follower.until(name, isPutRight(undefined));
    });
  });

  it('when it is suspended and resumed during a status write, without using a budget', async () => {
    const expected = ({ status }: ExperimentObject): void => {
      const counts = status?.folds.map(({ attempts, failures, disruptions }) => [attempts, failures, disruptions]);
      expect({ state: status?.state, counts }).toEqual({
        state: 'Complete',
        counts: [
          [1, 0, 0],
          [2, 0, 0],
        ],
      });
    };
    await proxied().run('steered', { expected }, async (run) => {
      const { proxy, name } = run;
      await run.untilTraining();
      const held = Promise.withResolvers<void>();
      const hold = firstCalls(1, isStatusWrite, { until: held.promise });
      const isHeld = Promise.withResolvers<void>();
      proxy.set((call) => {
        if (isStatusWrite(call)) isHeld.resolve();
        return hold(call);
      });
      // The experiment is suspended while the end of the first fold is about to be written.
      run.openGate(0);
      await isHeld.promise;
      await edit(run, { spec: { run: { suspend: true } } });
      held.resolve();
      await proxied().follower.until(name, ({ status }) => status?.state === 'Suspended' && status.folds[1]?.state === 'Stopped');
      await edit(run, { spec: { run: { suspend: false } } });
      await proxied().follower.until(name, ({ status }) => status?.folds[1]?.attempts === 2);
    });
  });

  it('when its events are forbidden, and each is tried only once', async () => {
    const before = ({ set }: FaultyApiProxy) =>
      set(({ verb, resource }) => (verb === 'create' && resource === 'events' ? { status: 403, reason: 'Forbidden' } : undefined));
    await proxied().run('unsung', { before }, async (run) => {
      await run.untilTraining();
    });
  });
});
