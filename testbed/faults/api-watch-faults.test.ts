import type { Job } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../cluster/wait-for.ts';
import { firstCalls, isMutating } from '../kubernetes/faulty-api-proxy.ts';
import { type ProxiedRun, useProxiedRuns } from './proxied-run.ts';

const proxied = useProxiedRuns();

/** Waits until the API server, not the operator, reports that the folds have ended. */
async function untilFoldsEnded({ name, namespace }: ProxiedRun): Promise<void> {
  const path = resourcePath(JOBS, { namespace });
  await waitFor<{ items: readonly Job[] }>(proxied().world.client, path, ({ items }) => {
    const folds = items.filter(({ metadata }) => metadata.name.startsWith(`${name}-fold-`));
    return folds.length === 2 && folds.every(({ status }) => status?.conditions?.some(({ type }) => type === 'Complete') === true);
  });
}

describe.concurrent('an experiment ends correctly with few requests', { timeout: 120_000 }, () => {
  it('when every watch is cut at each change of state', async () => {
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

  it('when the watches become silent while their connections stay open', async () => {
    await proxied().run('silent', { settings: { inactivityMs: 2500 } }, async (run) => {
      await run.untilTraining();
      expect(run.proxy.stallWatches()).toBe(3);
      run.openGate();
      await untilFoldsEnded(run);
    });
  });

  it('when the history of every watch is lost (410), twice', async () => {
    await proxied().run('expired', {}, async (run) => {
      await run.untilTraining();
      run.proxy.set(firstCalls(3, ({ verb }) => verb === 'watch', { status: 410, reason: 'Expired' }));
      expect(run.proxy.expireWatches()).toBe(3);
      run.openGate();
      await untilFoldsEnded(run);
      expect(run.proxy.calls.filter(({ verb }) => verb === 'list').length).toBeLessThan(15);
    });
  });

  it('when the API server is overloaded (429) and asks the client to wait', async () => {
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

  it('when the API server answers every request with 500 until the folds have ended', async () => {
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

  it('when every answer is slow', async () => {
    const before = ({ set }: ProxiedRun['proxy']) => set(() => ({ delayMs: 250 }));
    await proxied().run('slow', { before }, async (run) => {
      await run.untilTraining();
    });
  });

  it('when events are silently lost, because a full list finds what was missed', async () => {
    const before = ({ lose }: ProxiedRun['proxy']) =>
      lose(({ type, object }, { resource }) => {
        if (type === 'BOOKMARK' || type === 'ERROR') return false;
        if (resource === 'pods') return true;
        return resource === 'jobs' && (object as Job).status?.conditions?.some((condition) => condition.type === 'Complete') === true;
      });
    const options = { before, watchSeconds: 2, settings: { resyncMs: 1000 }, maxCalls: 250 };
    await proxied().run('lossy', options, async (run) => {
      run.openGate();
      await untilFoldsEnded(run);
      expect(run.proxy.lostEvents).toBeGreaterThan(5);
    });
  });
});

describe('an API server that is killed and restarted', () => {
  it('during training delays the experiment without harm', async () => {
    await proxied().run('restarted', {}, async (run) => {
      await run.untilTraining();
      await proxied().world.controlPlane.killApiServer();
      run.openGate();
      await proxied().world.controlPlane.startApiServer();
    });
  });
});
