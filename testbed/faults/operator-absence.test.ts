/** The operator is away for more than a day. Its clock shows that; the clocks of the cluster are right. */
import { JOBS, PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { describe, expect, it } from 'vitest';
import { hasCondition, useOperatorWorld } from '../operator/operator-world.ts';

const AWAY_MS = 30 * 3_600_000;
/**
 * Longer than the absence, because a fold that still runs has run for 30 hours, and what starts afterwards has times of the cluster. A fold
 * that is charged with the absence and then runs again misses its deadline.
 */
const RUN = { foldDeadline: '48h', stageDeadline: '48h', startDeadline: '48h', stallTimeout: '30m' };
const later = (): Date => new Date(Date.now() + AWAY_MS);

const world = useOperatorWorld();

const isTraining = (folds: number) => (experiment: { status?: { folds: readonly { state: string }[] } }) =>
  experiment.status?.folds.filter(({ state }) => state === 'Running').length === folds;

describe('an operator that was away for 30 hours', () => {
  it('counts what ended meanwhile with the time that it ran, and continues what vanished without charging the absence', async () => {
    const { client, namespace } = world();
    const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
    world().script = ({ fold, attempt }) => {
      const held = fold === undefined || attempt > 1 ? undefined : gates[fold];
      return held === undefined ? {} : { until: held.promise };
    };
    const first = await world().startOperator();
    await world().post('absent', { run: RUN });
    await world().until('absent', isTraining(3));
    await first.stop();

    // Fold 0 ends well. Fold 1 vanishes with its Job and its pod. Fold 2 still runs.
    gates[0]?.resolve();
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' };
    await client.request({ method: 'DELETE', path: resourcePath(JOBS, { namespace, name: 'absent-fold-1-1' }), body });
    const podNames = async (): Promise<string[]> =>
      (
        await client.request<{ items: { metadata: { name: string } }[] }>({ method: 'GET', path: resourcePath(PODS, { namespace }) })
      ).items.map(({ metadata }) => metadata.name);
    await expect.poll(async () => (await podNames()).some((name) => name.startsWith('absent-fold-1-1')), { timeout: 60_000 }).toBe(false);

    const second = await world().startOperator({ now: later });
    await world().until('absent', ({ status }) => status?.folds[0]?.state === 'Succeeded' && status.folds[1]?.disruptions === 1);
    expect(hasCondition(await world().read('absent'), 'Failed')).toBe(false);
    gates[2]?.resolve();
    const { status } = await world().until('absent', (seen) => hasCondition(seen, 'Complete') || hasCondition(seen, 'Failed'));
    expect(status).toMatchObject({
      state: 'Complete',
      folds: [{ attempts: 1 }, { attempts: 2, disruptions: 1, failures: 0 }, { attempts: 1 }],
    });
    for (const fold of [0, 1]) expect(status?.folds[fold]?.activeSeconds).toBeLessThan(3600);
    await second.stop();
  }, 120_000);
});
