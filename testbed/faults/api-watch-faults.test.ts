import type { Job } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../cluster/wait-for.ts';
import { firstCalls, isMutating } from '../kubernetes/faulty-api-proxy.ts';
import { type ProxiedRun, useProxiedRuns } from './proxied-run.ts';

const proxied = useProxiedRuns();

/** The API server itself, not the operator, says that the folds have ended. */
async function untilFoldsEnded({ name, namespace }: ProxiedRun): Promise<void> {
  const path = resourcePath(JOBS, { namespace });
  await waitFor<{ items: readonly Job[] }>(proxied().world.client, path, ({ items }) => {
    const folds = items.filter(({ metadata }) => metadata.name.startsWith(`${name}-fold-`));
    return folds.length === 2 && folds.every(({ status }) => status?.conditions?.some(({ type }) => type === 'Complete') === true);
  });
}

describe.concurrent('an experiment comes to its right end, at no great cost,', { timeout: 120_000 }, () => {
  it('when every watch is cut at every turn of its life', async () => {
    await proxied().run('cut', {}, async (run) => {
      const { proxy, name, untilTraining, openGate } = run;
      const { follower } = proxied();
      await follower.until(name, ({ status }) => status?.state === 'Preparing');
      expect(proxy.cutWatches()).toBeGreaterThan(0);
      await follower.until(name, ({ status }) => status?.state === 'Training');
      proxy.cutWatches();
      await untilTraining();
      proxy.cutWatches();
      openGate();
      await untilFoldsEnded(run);
      proxy.cutWatches();
    });
  });

  it('when the watches fall silent though their connections stay open', async () => {
    await proxied().run('silent', { settings: { inactivityMs: 2500 } }, async (run) => {
      await run.untilTraining();
      expect(run.proxy.stallWatches()).toBe(3);
      run.openGate();
      await untilFoldsEnded(run);
    });
  });

  it('when the history of every watch is lost (410), twice over', async () => {
    await proxied().run('expired', {}, async (run) => {
      await run.untilTraining();
      run.proxy.set(firstCalls(3, ({ verb }) => verb === 'watch', { status: 410, reason: 'Expired' }));
      expect(run.proxy.expireWatches()).toBe(3);
      run.openGate();
      await untilFoldsEnded(run);
      expect(run.proxy.calls.filter(({ verb }) => verb === 'list').length).toBeLessThan(15);
    });
  });

  it('when the API server is too busy (429) and says when to come back', async () => {
    await proxied().run('busy', {}, async (run) => {
      const { proxy } = run;
      const isOther = ({ verb }: { verb: string }) => verb !== 'watch';
      proxy.set(firstCalls(6, isOther, { status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 }));
      await run.untilTraining();
      proxy.set(() => ({ status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 }));
      proxy.cutWatches();
      run.openGate();
      await untilFoldsEnded(run);
      proxy.set();
    });
  });

  it('when the API server answers everything with 500 until the folds have ended', async () => {
    await proxied().run('broken', {}, async (run) => {
      await run.untilTraining();
      run.proxy.set(() => ({ status: 500, reason: 'InternalError' }));
      run.proxy.cutWatches();
      run.openGate();
      await untilFoldsEnded(run);
      run.proxy.set();
    });
  });

  it('when the answer to every second write is lost', async () => {
    let writes = 0;
    const before = ({ set }: ProxiedRun['proxy']) =>
      set((call) => {
        if (!isMutating(call)) return undefined;
        writes += 1;
        return writes % 2 === 1 ? 'lose-answer' : undefined;
      });
    await proxied().run('unheard', { before }, async (run) => {
      await run.untilTraining();
    });
    expect(writes).toBeGreaterThan(10);
  });

  it('when every answer takes its time', async () => {
    const before = ({ set }: ProxiedRun['proxy']) => set(() => ({ delayMs: 250 }));
    await proxied().run('slow', { before }, async (run) => {
      await run.untilTraining();
    });
  });

  it('when events are silently lost: a full list mends what was missed', async () => {
    const before = ({ lose }: ProxiedRun['proxy']) =>
      lose(({ type, object }, { resource }) => {
        if (type === 'BOOKMARK' || type === 'ERROR') return false;
        if (resource === 'pods') return true;
        return resource === 'jobs' && (object as Job).status?.conditions?.some((condition) => condition.type === 'Complete') === true;
      });
    const options = { before, watchSeconds: 2, settings: { resyncMs: 1000 }, mostCalls: 250 };
    await proxied().run('lossy', options, async (run) => {
      run.openGate();
      await untilFoldsEnded(run);
      expect(run.proxy.lostEvents).toBeGreaterThan(5);
    });
  });
});

describe('an API server that is killed and started again', () => {
  it('while folds train holds the experiment up and does it no harm', async () => {
    await proxied().run('restarted', {}, async (run) => {
      await run.untilTraining();
      await proxied().world.controlPlane.killApiServer();
      run.openGate();
      await proxied().world.controlPlane.startApiServer();
    });
  });
});
