/** Experiments that an operator does not understand, and ended experiments that continue, on a real API server. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { experimentCrd } from '@carpal/configs/crd/crd.ts';
import { EXPERIMENTS, experimentKey } from '@carpal/configs/names.ts';
import { isTerminal } from '@carpal/configs/schema/status.ts';
import type { Connection } from '@carpal/kubernetes/api/connect.ts';
import type { Job, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { EVENTS, JOBS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { applyCrd } from '@carpal/testbed/cluster/test-objects.ts';
import { until, waitFor } from '@carpal/testbed/cluster/wait-for.ts';
import { hasCondition, useOperatorWorld } from '@carpal/testbed/operator/operator-world.ts';
import { afterEach, describe, expect, it } from 'vitest';
import type { ExperimentObject } from './experiment-object.ts';

const world = useOperatorWorld();

const change = (name: string, spec: object): Promise<ExperimentObject> =>
  world().client.request<ExperimentObject>({
    method: 'PATCH',
    path: resourcePath(EXPERIMENTS, { namespace: world().namespace, name }),
    body: { spec },
  });

const jobsOf = async (name: string): Promise<readonly string[]> => {
  const path = resourcePath(JOBS, { namespace: world().namespace });
  const { items } = await world().client.request<ObjectList<Job>>({ method: 'GET', path });
  return items.map(({ metadata }) => metadata.name).filter((job) => job.startsWith(`${name}-`));
};

describe('an operator that is older than the CRD', () => {
  type Enum = { enum: string[] };
  /** The CRD of a later release: run.onFoldFailure has another value. */
  const laterCrd = (): object =>
    JSON.parse(JSON.stringify(experimentCrd()), (key, value: unknown) =>
      key === 'onFoldFailure' && typeof value === 'object' ? { ...value, enum: [...(value as Enum).enum, 'pause'] } : value,
    );
  /** An operator of the later release: it treats the other value like `stop`. */
  const understanding = (connection: Connection): Connection => {
    const read = <Answer>(answer: Answer): Answer => JSON.parse(JSON.stringify(answer).replaceAll('"pause"', '"stop"')) as Answer;
    return {
      ...connection,
      request: async <Answer>(request: Parameters<Connection['request']>[0]) => read(await connection.request<Answer>(request)),
      async *watch<Event>(request: Parameters<Connection['watch']>[0]) {
        for await (const event of connection.watch<Event>(request)) yield read(event);
      },
    };
  };
  const LATER = { run: { onFoldFailure: 'pause', parallelism: 1 } };
  const isHeld = (one: ExperimentObject): boolean => hasCondition(one, 'Held');

  afterEach(() => applyCrd(world().client));

  it('holds what it does not understand, keeps what runs running, and the new operator continues it', async () => {
    const { promise: trained, resolve: train } = Promise.withResolvers<void>();
    world().script = ({ experiment, fold }) => (experiment === 'runs' && fold === 0 ? { until: trained } : {});
    const old = await world().startOperator();
    await world().post('runs', { run: { parallelism: 1 } });
    await world().until('runs', ({ status }) => status?.folds?.[0]?.state === 'Running');
    await applyCrd(world().client, laterCrd());
    await expect.poll(async () => change('runs', LATER).then(() => 'changed', String)).toBe('changed');
    await world().post('waits', LATER);

    const held = [await world().until('runs', isHeld), await world().until('waits', isHeld)];
    for (const { status } of held) {
      expect(status?.conditions.find(({ type }) => type === 'Held')).toMatchObject({
        reason: 'ManifestNotUnderstood',
        message: expect.stringContaining('spec.run.onFoldFailure'),
      });
      expect(isTerminal(status)).toBe(false);
    }
    expect(held[0]?.status?.folds[0]?.state).toBe('Running');
    train();
    const path = resourcePath(JOBS, { namespace: world().namespace, name: 'runs-fold-0-1' });
    await waitFor<Job>(world().client, path, ({ status }) => status?.conditions?.some(({ type }) => type === 'Complete') === true);
    // Changes of its Jobs cause steps, which write nothing.
    await until('a step after the end of the fold', () => old.connection.requests().length > 0);
    expect([await jobsOf('runs'), await jobsOf('waits')]).toEqual([['runs-fold-0-1', 'runs-prepare-1'], []]);
    for (const { metadata } of held) expect((await world().read(metadata.name)).metadata.resourceVersion).toBe(metadata.resourceVersion);
    await old.stop();

    const next = await world().startOperator({ wrap: understanding });
    for (const name of ['runs', 'waits']) {
      const { status } = await world().until(name, (one) => hasCondition(one, 'Complete'));
      expect(status?.conditions.some(({ type, status: value }) => type === 'Held' && value === 'True')).toBe(false);
      expect(status?.folds.map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
    }
    await next.stop();
  });

  it('continues an experiment itself when the manifest is changed back', async () => {
    world().script = () => ({});
    const operator = await world().startOperator();
    await applyCrd(world().client, laterCrd());
    await expect
      .poll(async () =>
        world()
          .post('back', LATER)
          .then(() => 'posted', String),
      )
      .toBe('posted');
    await world().until('back', isHeld);
    await change('back', { run: { onFoldFailure: 'continue' } });
    await world().until('back', (one) => hasCondition(one, 'Complete') && !isHeld(one));
    await operator.stop();
  });
});

describe('an ended experiment', () => {
  it('whose Jobs the time to live has removed continues where it failed when run.retry grows, and runs only the ensemble again for a change of it', async () => {
    let isBroken = true;
    world().script = ({ fold }) => ({ exitCode: fold === 1 && isBroken ? 1 : 0 });
    const operator = await world().startOperator();
    await world().post('reopened', { run: { maxFailures: 0, ttlAfterFinished: '0s' } });
    const failed = await world().until('reopened', (one) => hasCondition(one, 'Failed'));
    expect(failed.status?.folds.map(({ state }) => state)).toEqual(['Succeeded', 'Failed', 'Succeeded']);
    await expect.poll(() => jobsOf('reopened'), { timeout: 30_000 }).toEqual([]);

    isBroken = false;
    await change('reopened', { run: { retry: 1 } });
    const complete = await world().until('reopened', (one) => hasCondition(one, 'Complete'));
    expect(complete.status?.folds.map(({ attempts }) => attempts)).toEqual([1, 2, 1]);
    expect(complete.status).toMatchObject({ prepare: { attempts: 1 }, ensemble: { attempts: 1 }, retry: 1 });
    expect(hasCondition(complete, 'Failed')).toBe(false);

    await change('reopened', { ensemble: { method: 'hard' } });
    const again = await world().until('reopened', (one) => hasCondition(one, 'Complete') && one.status?.ensemble.attempts === 2);
    expect(again.status?.folds.map(({ attempts }) => attempts)).toEqual([1, 2, 1]);
    const events = await world().client.request<ObjectList<Job & { reason?: string }>>({
      method: 'GET',
      path: resourcePath(EVENTS, { namespace: world().namespace }),
      query: { fieldSelector: 'reason=Reopened' },
    });
    expect(events.items.length).toBeGreaterThan(0);
    await operator.stop();
  });

  it('stays as it is after a change that reopens nothing, and the operator notes that it has seen the change', async () => {
    world().script = () => ({});
    const operator = await world().startOperator();
    await world().post('kept');
    const { status: before } = await world().until('kept', (one) => hasCondition(one, 'Complete'));
    const { metadata } = await change('kept', { run: { ttlAfterFinished: '30d' } });
    const seen = await world().until('kept', ({ status }) => status?.observedGeneration === metadata.generation);
    expect({ ...seen.status, observedGeneration: 0 }).toEqual({ ...before, observedGeneration: 0 });
    await operator.stop();
  });

  it('that is reopened while its artifacts are removed starts from the beginning, after the removal', async () => {
    let isAway = true;
    const store: ArtifactStore = {
      ...world().store,
      remove: async (key) => {
        if (isAway) throw new Error('the store does not answer');
        await world().store.remove(key);
      },
    };
    let isBroken = true;
    world().script = ({ fold }) => ({ exitCode: fold === 1 && isBroken ? 1 : 0 });
    const operator = await world().startOperator({ store });
    const { metadata } = await world().post('half', { run: { maxFailures: 0, ttlAfterFinished: '0s', ttlRemovesArtifacts: true } });
    const marked = await world().until('half', ({ status }) => status?.artifactsRemovedAt !== undefined);
    expect(marked.status?.artifacts).toBeDefined();
    const left = `${experimentKey({ metadata: { namespace: world().namespace, ...metadata } })}/folds/0/checkpoint/state.json`;
    await world().store.write(left, '{}');

    isBroken = false;
    await change('half', { run: { retry: 1, ttlRemovesArtifacts: false } });
    await expect.poll(() => operator.log.filter((line) => line.includes('does not answer')).length, { timeout: 30_000 }).toBeGreaterThan(3);
    expect(hasCondition(await world().read('half'), 'Failed')).toBe(true);
    isAway = false;
    const { status } = await world().until('half', (one) => hasCondition(one, 'Complete'));
    expect(status?.folds.map(({ attempts }) => attempts)).toEqual([2, 2, 2]);
    expect(await world().store.readIfPresent(left)).toBeUndefined();
    expect(status?.artifactsRemovedAt).toBeUndefined();
    await operator.stop();
  });
});
