import type { Job } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../cluster/wait-for.ts';
import { firstOf, isMutating } from '../operator/faulty-api-proxy.ts';
import { type FaultyLife, useFaultyLives } from './faulty-life.ts';

const lives = useFaultyLives();

/** The API server itself, not the operator, says that the folds have ended. */
async function untilFoldsEnded({ name, namespace }: FaultyLife): Promise<void> {
  const path = resourcePath(JOBS, { namespace });
  await waitFor<{ items: readonly Job[] }>(lives().world.client, path, ({ items }) => {
    const folds = items.filter(({ metadata }) => metadata.name.startsWith(`${name}-fold-`));
    return folds.length === 2 && folds.every(({ status }) => status?.conditions?.some(({ type }) => type === 'Complete') === true);
  });
}

describe.concurrent('an experiment comes to its right end, at no great cost,', { timeout: 120_000 }, () => {
  it('when every watch is cut at every turn of its life', async () => {
    await lives().live('cut', {}, async (life) => {
      const { proxy, name, untilTraining, openGate } = life;
      const { follower } = lives();
      await follower.until(name, ({ status }) => status?.state === 'Preparing');
      expect(proxy.cutWatches()).toBeGreaterThan(0);
      await follower.until(name, ({ status }) => status?.state === 'Training');
      proxy.cutWatches();
      await untilTraining();
      proxy.cutWatches();
      openGate();
      await untilFoldsEnded(life);
      proxy.cutWatches();
    });
  });

  it('when the watches fall silent though their connections stay open', async () => {
    await lives().live('silent', { settings: { inactivityMs: 2500 } }, async (life) => {
      await life.untilTraining();
      expect(life.proxy.stallWatches()).toBe(3);
      life.openGate();
      await untilFoldsEnded(life);
    });
  });

  it('when the history of every watch is lost (410), twice over', async () => {
    await lives().live('expired', {}, async (life) => {
      await life.untilTraining();
      life.proxy.set(firstOf(3, ({ verb }) => verb === 'watch', { status: 410, reason: 'Expired' }));
      expect(life.proxy.expireWatches()).toBe(3);
      life.openGate();
      await untilFoldsEnded(life);
      expect(life.proxy.calls.filter(({ verb }) => verb === 'list').length).toBeLessThan(15);
    });
  });

  it('when the API server is too busy (429) and says when to come back', async () => {
    await lives().live('busy', {}, async (life) => {
      const { proxy } = life;
      const isOther = ({ verb }: { verb: string }) => verb !== 'watch';
      proxy.set(firstOf(6, isOther, { status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 }));
      await life.untilTraining();
      proxy.set(() => ({ status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 }));
      proxy.cutWatches();
      life.openGate();
      await untilFoldsEnded(life);
      proxy.set();
    });
  });

  it('when the API server answers everything with 500 until the folds have ended', async () => {
    await lives().live('broken', {}, async (life) => {
      await life.untilTraining();
      life.proxy.set(() => ({ status: 500, reason: 'InternalError' }));
      life.proxy.cutWatches();
      life.openGate();
      await untilFoldsEnded(life);
      life.proxy.set();
    });
  });

  it('when the answer to every second write is lost', async () => {
    let writes = 0;
    const before = ({ set }: FaultyLife['proxy']) =>
      set((call) => {
        if (!isMutating(call)) return undefined;
        writes += 1;
        return writes % 2 === 1 ? 'lose-answer' : undefined;
      });
    await lives().live('unheard', { before }, async (life) => {
      await life.untilTraining();
    });
    expect(writes).toBeGreaterThan(10);
  });

  it('when every answer takes its time', async () => {
    const before = ({ set }: FaultyLife['proxy']) => set(() => ({ delayMs: 250 }));
    await lives().live('slow', { before }, async (life) => {
      await life.untilTraining();
    });
  });

  it('when events are silently lost: a full list mends what was missed', async () => {
    const before = ({ lose }: FaultyLife['proxy']) =>
      lose(({ type, object }, { resource }) => {
        if (type === 'BOOKMARK' || type === 'ERROR') return false;
        if (resource === 'pods') return true;
        return resource === 'jobs' && (object as Job).status?.conditions?.some((condition) => condition.type === 'Complete') === true;
      });
    const options = { before, watchSeconds: 2, settings: { resyncMs: 1000 }, mostCalls: 250 };
    await lives().live('lossy', options, async (life) => {
      life.openGate();
      await untilFoldsEnded(life);
      expect(life.proxy.lostEvents).toBeGreaterThan(5);
    });
  });
});

describe('an API server that is killed and started again', () => {
  it('while folds train holds the experiment up and does it no harm', async () => {
    await lives().live('restarted', {}, async (life) => {
      await life.untilTraining();
      await lives().world.controlPlane.killApiServer();
      life.openGate();
      await lives().world.controlPlane.startApiServer();
    });
  });
});
