/**
 * An attempt's Job is deleted with --cascade=orphan before the operator has told of it, and the operator hears of pods late: nothing but the API
 * server itself says then that the attempt runs. A second pod beside it would write into the same checkpoint.
 */

import type { KubernetesObject, ObjectList, Pod } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { ExperimentObject } from '@carpal/operator/controller/experiment-object.ts';
import { describe, expect, it } from 'vitest';
import { freshNamespace } from '../cluster/fresh-namespace.ts';
import { type PodScript, scripted } from '../cluster/scripted-pod.ts';
import { type FaultyApiProxy, isMutating, startFaultyApiProxy } from '../operator/faulty-api-proxy.ts';
import { type RunningOperator, useOperatorWorld } from '../operator/operator-world.ts';
import { attemptOfPod } from '../operator/scripted-attempt.ts';
import { expectNoneAtOnce } from './expect-sound.ts';
import { hasEnded } from './expect-unharmed.ts';
import { type ContainerRun, recordRuns } from './fault-world.ts';

const SMALL = { dataset: { uri: '/data', split: { folds: 2 } }, placement: { gpus: 1, cpu: '1', memory: '1Gi' } };
/** Slow enough that nothing is told of an attempt before its Job is gone. */
const SPACING_MS = 1500;

const runs: ContainerRun[] = [];
const scripts = new Map<string, PodScript>();
const world = useOperatorWorld({
  gpus: 100,
  run: () =>
    recordRuns(
      scripted((pod) => {
        const { experiment, fold } = attemptOfPod(pod);
        return fold === 1 ? (scripts.get(experiment) ?? {}) : {};
      }),
      runs,
    ),
});

type Life = { readonly name: string; readonly namespace: string };

const podsOf = async ({ namespace }: Life, job: string): Promise<readonly Pod[]> => {
  const query = { labelSelector: `batch.kubernetes.io/job-name=${job}` };
  return (await world().client.request<ObjectList<Pod>>({ method: 'GET', path: resourcePath(PODS, { namespace }), query })).items;
};

async function eventually(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  while (!(await look())) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const isThere = async ({ namespace }: Life, job: string): Promise<boolean> => {
  const { items } = await world().client.request<ObjectList<KubernetesObject>>({ method: 'GET', path: resourcePath(JOBS, { namespace }) });
  return items.some(({ metadata }) => metadata.name === job);
};

/** How far the attempt has come when its Job is deleted. */
const MOMENTS: Record<string, (life: Life, job: string) => Promise<void>> = {
  'as soon as it is there': async () => undefined,
  'once it has a pod': (life, job) => eventually(`a pod of ${job}`, async () => (await podsOf(life, job)).length > 0),
  'once its pod runs': (life, job) =>
    eventually(`${job} to run`, async () => (await podsOf(life, job)).some(({ status }) => status?.phase === 'Running')),
};

/** Fold 1 trains until told; its Job is deleted at that moment. Answers the experiment's end. */
async function live(
  name: string,
  moment: string,
  during: { readonly propagationPolicy?: 'Orphan' | 'Background'; readonly successor?: boolean } = {},
): Promise<{ readonly end: ExperimentObject; readonly proxy: FaultyApiProxy }> {
  const { client, kubeconfig } = world();
  const life: Life = { name, namespace: await freshNamespace(client) };
  const held = Promise.withResolvers<void>();
  scripts.set(name, { until: held.promise });
  const late = Promise.withResolvers<void>();
  const proxy = await startFaultyApiProxy({ kubeconfig });
  proxy.set(({ verb, resource }) => (verb === 'watch' && resource === 'pods' ? { until: late.promise } : undefined));
  const settings = { watchNamespace: life.namespace, spacingMs: SPACING_MS };
  const operators: RunningOperator[] = [await world().startOperator({ server: proxy.server, settings })];
  try {
    await world().post(name, SMALL, life.namespace);
    const job = `${name}-fold-1-1`;
    await eventually(job, () => isThere(life, job));
    await MOMENTS[moment]?.(life, job);
    const path = resourcePath(JOBS, { namespace: life.namespace, name: job });
    await client.request({ method: 'DELETE', path, body: { propagationPolicy: during.propagationPolicy ?? 'Orphan' } });
    if (during.successor === true) {
      await operators[0]?.stop();
      operators.push(await world().startOperator({ server: proxy.server, settings, identity: 'another' }));
    }
    const asked = proxy.calls.length;
    const isAbout = ({ verb, resource }: (typeof proxy.calls)[number]): boolean =>
      resource === 'segmentationexperiments/status' ||
      (resource === 'jobs' && verb === 'create') ||
      (resource === 'pods' && verb === 'list');
    await eventually('the operator to do something about it', () => proxy.calls.slice(asked).some(isAbout));
    late.resolve();
    await world().until(name, ({ status }) => status?.folds[1]?.state === 'Running', life.namespace);
    held.resolve();
    const end = await world().until(name, hasEnded, life.namespace);
    return { end, proxy };
  } finally {
    late.resolve();
    held.resolve();
    for (const operator of operators) await operator.stop();
    await proxy.close();
  }
}

/** The end is good, nothing ran beside anything, and every attempt is accounted for by a Job and by what it cost. */
function expectSoundEnd({ end, proxy }: Awaited<ReturnType<typeof live>>): void {
  const { metadata, status } = end;
  const mine = runs.filter(({ experimentUid }) => experimentUid === metadata.uid);
  expectNoneAtOnce(mine);
  const named = mine.map(({ stage, fold, attempt }) => `${stage} ${fold ?? ''} ${attempt}`);
  expect(named.toSorted(), 'pods beyond one for each attempt').toEqual([...new Set(named)].toSorted());
  const [other, one] = status?.folds ?? [];
  expect(status?.state).toBe('Complete');
  expect([other?.attempts, other?.failures, other?.disruptions]).toEqual([1, 0, 0]);
  expect(one?.failures).toBe(0);
  expect(one?.attempts).toBe(1 + (one?.disruptions ?? 0));
  const created = proxy.calls.filter((call) => isMutating(call) && call.resource === 'jobs' && call.verb === 'create');
  expect(created).toHaveLength(4 + (one?.disruptions ?? 0));
}

describe.concurrent('a Job that is deleted without its pod', { timeout: 120_000 }, () => {
  it.each(Object.keys(MOMENTS).map((moment, index) => [moment, index] as const))(
    '%s gets no second pod beside the one that it has left',
    async (moment, index) => {
      expectSoundEnd(await live(`orphan-${index}`, moment));
    },
  );

  it('is not made again by an operator that takes over meanwhile, as long as that pod runs', async () => {
    const { end, proxy } = await live('orphan-heir', 'once its pod runs', { successor: true });
    expectSoundEnd({ end, proxy });
    expect(end.status?.folds[1]).toMatchObject({ attempts: 1, disruptions: 0 });
  });
});

describe.concurrent('a Job that is deleted with its pod', { timeout: 120_000 }, () => {
  it.each(Object.keys(MOMENTS).map((moment, index) => [moment, index] as const))(
    '%s gets a successor when that pod has ended',
    async (moment, index) => {
      const { end, proxy } = await live(`deleted-${index}`, moment, { propagationPolicy: 'Background' });
      expectSoundEnd({ end, proxy });
      expect(end.status?.folds[1]).toMatchObject({ attempts: 2, disruptions: 1 });
    },
  );
});
