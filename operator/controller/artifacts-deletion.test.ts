/** run.deletionRemovesArtifacts, deleted namespaces and orphaned pods, on a real API server. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { ARTIFACTS_FINALIZER, EXPERIMENTS, experimentKey } from '@carpal/configs/names.ts';
import type { KubernetesObject, ObjectList, Pod } from '@carpal/kubernetes/api/objects.ts';
import { EVENTS, JOBS, NAMESPACES, PODS, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { deleteNamespace, freshNamespace } from '@carpal/testbed/cluster/test-objects.ts';
import { hasCondition, type RunningOperator, useOperatorWorld } from '@carpal/testbed/operator/operator-world.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stageSettings } from '../jobs/stage-settings.ts';
import type { ExperimentObject } from './experiment-object.ts';

const NEVER = new Promise<void>(() => undefined);
const ASKS = { run: { deletionRemovesArtifacts: true } };
const PATIENCE = { timeout: 55_000, interval: 100 };

const world = useOperatorWorld({
  script: ({ experiment, stage }) => (stage === 'fold' && experiment.startsWith('runs') ? { until: NEVER } : {}),
});

/** Keys that cannot be removed now contain this text. */
let away: string | undefined;
/** For each removal: the pods that ran then. */
const removals: { readonly key: string; readonly pods: readonly string[] }[] = [];
let operator: RunningOperator;
beforeAll(async () => {
  const store: ArtifactStore = {
    ...world().store,
    remove: async (key) => {
      if (away !== undefined && key.includes(away)) throw new Error('the store does not answer');
      removals.push({ key, pods: await livePods(key.split('/')[2] ?? '') });
      await world().store.remove(key);
    },
  };
  // The deletion of a namespace waits for half of the time that its pods have to stop.
  const stages = stageSettings({ image: `carpal@sha256:${'0'.repeat(64)}`, artifactsUri: store.uri, graceSeconds: 2 });
  operator = await world().startOperator({ store, settings: { stages: { ...stages, defaultServiceAccountName: 'default' } } });
});
afterAll(() => operator.stop());

const list = async <Item extends KubernetesObject>(resource: Resource, namespace: string): Promise<readonly Item[]> =>
  (await world().client.request<ObjectList<Item>>({ method: 'GET', path: resourcePath(resource, { namespace }) })).items;

async function livePods(experiment: string, namespace = world().namespace): Promise<readonly string[]> {
  const pods = await list<Pod>(PODS, namespace);
  const isLive = ({ status }: Pod): boolean => status?.phase === 'Pending' || status?.phase === 'Running';
  return pods.filter((pod) => pod.metadata.name.startsWith(`${experiment}-`) && isLive(pod)).map(({ metadata }) => metadata.name);
}

const keyOf = ({ metadata }: ExperimentObject): string => experimentKey({ metadata: { namespace: world().namespace, ...metadata } });
const artifactsOf = async (experiment: ExperimentObject): Promise<number> => (await world().store.list(keyOf(experiment))).length;
const path = (name: string, namespace = world().namespace): string => resourcePath(EXPERIMENTS, { namespace, name });
const remove = (name: string): Promise<unknown> => world().client.request({ method: 'DELETE', path: path(name) });
const change = (name: string, run: object): Promise<unknown> =>
  world().client.request({ method: 'PATCH', path: path(name), body: { spec: { run } } });
const finalizers = async (name: string): Promise<readonly string[] | undefined> => (await world().read(name)).metadata.finalizers;
const isGone = (name: string, namespace = world().namespace): Promise<boolean> =>
  list(EXPERIMENTS, namespace).then((all) => all.every(({ metadata }) => metadata.name !== name));
const notes = async (reason: string, name: string): Promise<readonly string[]> =>
  (await list<KubernetesObject & { reason: string; note: string; regarding: { name: string } }>(EVENTS, world().namespace))
    .filter((event) => event.reason === reason && event.regarding.name === name)
    .map(({ note }) => note);

describe('an experiment that asks for the removal of its artifacts on deletion', () => {
  it('has a finalizer before its first artifact; deleted, its attempts end first, then its artifacts are removed, then it is gone', async () => {
    const before = removals.length;
    const posted = await world().post('runs-asked', ASKS);
    await world().post('runs-kept');
    for (const name of ['runs-asked', 'runs-kept'])
      await world().until(name, ({ status }) => status?.folds?.every(({ state }) => state === 'Running') === true);
    expect(await finalizers('runs-asked')).toEqual([ARTIFACTS_FINALIZER]);
    expect(await artifactsOf(posted)).toBeGreaterThan(0);
    await remove('runs-asked');
    await expect.poll(() => isGone('runs-asked'), PATIENCE).toBe(true);
    expect(removals.slice(before)).toEqual([{ key: keyOf(posted), pods: [] }]);
    expect(await artifactsOf(posted)).toBe(0);
    expect(await artifactsOf(await world().read('runs-kept'))).toBeGreaterThan(0);
    await expect.poll(() => notes('ArtifactsRemoved', 'runs-asked'), PATIENCE).toEqual([expect.stringContaining(keyOf(posted))]);
    await remove('runs-kept');
  });

  it('stays, with the reason in an event, while the store does not answer, and is gone when it does', async () => {
    const posted = await world().post('away', ASKS);
    await world().until('away', (one) => hasCondition(one, 'Complete'));
    away = '/away/';
    await remove('away');
    await expect.poll(() => notes('ArtifactsNotRemoved', 'away'), PATIENCE).toEqual([expect.stringContaining('the store does not answer')]);
    expect(await isGone('away')).toBe(false);
    expect(await artifactsOf(posted)).toBeGreaterThan(0);
    away = undefined;
    await expect.poll(() => isGone('away'), PATIENCE).toBe(true);
    expect(await artifactsOf(posted)).toBe(0);
  });

  it('is deleted without the removal of its artifacts when it no longer asks for it', async () => {
    const posted = await world().post('given-up', ASKS);
    await world().until('given-up', (one) => hasCondition(one, 'Complete'));
    away = '/given-up/';
    await remove('given-up');
    await expect.poll(async () => (await notes('ArtifactsNotRemoved', 'given-up')).length, PATIENCE).toBeGreaterThan(0);
    await change('given-up', { deletionRemovesArtifacts: false });
    await expect.poll(() => isGone('given-up'), PATIENCE).toBe(true);
    away = undefined;
    expect(await artifactsOf(posted)).toBeGreaterThan(0);
  });

  it('has the finalizer exactly as long as it asks, also after its end', async () => {
    await world().post('changes');
    await world().until('changes', (one) => hasCondition(one, 'Complete'));
    expect(await finalizers('changes')).toBeUndefined();
    await change('changes', { deletionRemovesArtifacts: true });
    await expect.poll(() => finalizers('changes'), PATIENCE).toEqual([ARTIFACTS_FINALIZER]);
    await change('changes', { deletionRemovesArtifacts: false });
    await expect.poll(() => finalizers('changes'), PATIENCE).toBeUndefined();
  });

  it('does not keep its namespace from being deleted, which is quiet', async () => {
    const namespace = await freshNamespace(world().client);
    const posted = await world().post('runs-inside', ASKS, namespace);
    await world().post('runs-simple', {}, namespace);
    for (const name of ['runs-inside', 'runs-simple'])
      await world().until(name, ({ status }) => status?.folds?.some(({ state }) => state === 'Running') === true, namespace);
    const logged = operator.log.length;
    await deleteNamespace(world().client, namespace);
    const names = async (): Promise<readonly string[]> => {
      const { items } = await world().client.request<ObjectList<KubernetesObject>>({ method: 'GET', path: resourcePath(NAMESPACES) });
      return items.map(({ metadata }) => metadata.name);
    };
    await expect.poll(names, PATIENCE).not.toContain(namespace);
    expect(await world().store.list(`experiments/${namespace}/runs-inside/${posted.metadata.uid}`)).toEqual([]);
    const loud = operator.log.slice(logged).filter((line) => /"level":"?(warn|error|40|50)/.test(line) && line.includes(namespace));
    expect(loud).toEqual([]);
  });
});

describe('an experiment that does not ask for it', () => {
  it('is deleted immediately, whatever the store does', async () => {
    const posted = await world().post('runs-free');
    await world().until('runs-free', ({ status }) => status?.folds?.every(({ state }) => state === 'Running') === true);
    away = '/runs-free/';
    await remove('runs-free');
    expect(await isGone('runs-free')).toBe(true);
    away = undefined;
    expect(await artifactsOf(posted)).toBeGreaterThan(0);
  });
});

describe('a pod that lost its Job', () => {
  it.each([
    ['while an operator runs', true],
    ['while no operator runs', false],
  ])('ends when its experiment is deleted %s', async (_when, hasOperator) => {
    const name = hasOperator ? 'runs-orphan' : 'runs-alone';
    await world().post(name);
    await world().until(name, ({ status }) => status?.folds?.every(({ state }) => state === 'Running') === true);
    if (!hasOperator) await operator.stop();
    const job = resourcePath(JOBS, { namespace: world().namespace, name: `${name}-fold-1-1` });
    await world().client.request({ method: 'DELETE', path: job, body: { propagationPolicy: 'Orphan' } });
    const isOrphan = async (): Promise<boolean> =>
      (await list<Pod>(PODS, world().namespace)).some(
        ({ metadata }) => metadata.name.startsWith(`${name}-fold-1-1-`) && metadata.ownerReferences === undefined,
      );
    await expect.poll(isOrphan, PATIENCE).toBe(true);
    await remove(name);
    if (!hasOperator) {
      await expect.poll(() => livePods(`${name}-fold-0`), PATIENCE).toEqual([]);
      expect(await livePods(`${name}-fold-1`)).toHaveLength(1);
      operator = await world().startOperator();
    }
    await expect.poll(() => livePods(name), PATIENCE).toEqual([]);
  });
});
