/** An operator with another image than its predecessor, while an experiment runs. */

import type { Job } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { stageSettings } from '@carpal/operator/jobs/stage-settings.ts';
import { describe, expect, it } from 'vitest';
import { hasCondition, type RunningOperator, useOperatorWorld } from '../operator/operator-world.ts';

const world = useOperatorWorld();
const OLD = `carpal@sha256:${'1'.repeat(64)}`;
const NEW = `carpal@sha256:${'2'.repeat(64)}`;

const startOperator = (image: string): Promise<RunningOperator> => {
  const stages = stageSettings({ image, artifactsUri: world().store.uri, defaultServiceAccountName: 'default' });
  return world().startOperator({ settings: { stages } });
};

async function imageOf(job: string): Promise<string | undefined> {
  const { client, namespace } = world();
  const { spec } = await client.request<Job>({ method: 'GET', path: resourcePath(JOBS, { namespace, name: job }) });
  return (spec.template.spec as { containers: readonly { image: string }[] }).containers[0]?.image;
}

describe('an operator of a new version', () => {
  it('continues an experiment with the image that it began with, and begins others with its own image', async () => {
    const { promise: upgraded, resolve } = Promise.withResolvers<void>();
    world().script = ({ stage, fold, attempt }) =>
      stage === 'fold' && attempt === 1 ? { until: upgraded, exitCode: fold === 0 ? 1 : 0 } : {};
    const before = await startOperator(OLD);
    await world().post('old');
    await world().until('old', ({ status }) => status?.folds.every(({ state }) => state === 'Running') === true);
    await before.stop();

    const after = await startOperator(NEW);
    await world().post('new');
    resolve();
    for (const name of ['old', 'new']) await world().until(name, (experiment) => hasCondition(experiment, 'Complete'));
    expect(await Promise.all(['old-fold-0-1', 'old-fold-0-2', 'old-ensemble-1', 'new-fold-0-1'].map(imageOf))).toEqual([
      OLD,
      OLD,
      OLD,
      NEW,
    ]);
    expect((await world().read('old')).status).toMatchObject({ image: OLD });
    await after.stop();
  });
});
