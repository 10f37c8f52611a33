/**
 * An attempt's Job is deleted with --cascade=orphan before the operator has reported the attempt, and pod events arrive late. Only the API
 * server itself then knows that the attempt runs. A second pod would write into the same checkpoint.
 */

import type { KubernetesObject, ObjectList, Pod } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { ExperimentObject } from '@carpal/operator/controller/experiment-object.ts';
import { describe, expect, it } from 'vitest';
import { type PodScript, scripted } from '../cluster/scripted-pod.ts';
import { freshNamespace } from '../cluster/test-objects.ts';
import { type FaultyApiProxy, isMutating, startFaultyApiProxy } from '../kubernetes/faulty-api-proxy.ts';
import { attemptOfPod } from '../operator/attempt-objects.ts';
import { type RunningOperator, useOperatorWorld } from '../operator/operator-world.ts';
import { expectNoOverlap } from './expect-correct-end.ts';
import { hasEnded } from './expect-unaffected.ts';
import { type ContainerRun, recordRuns } from './fault-world.ts';

const SMALL = { dataset: { uri: '/data', split: { folds: 2 } }, placement: { gpus: 1, cpu: '1', memory: '1Gi' } };
/** Slow enough that the Job is gone before anything about its attempt is reported. */
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

type Experiment = { readonly name: string; readonly namespace: string };

const podsOf = async ({ namespace }: Experiment, job: string): Promise<readonly Pod[]> => {
  const query = { labelSelector: `batch.kubernetes.io/job-name=${job}` };
  return (await world().client.request<ObjectList<Pod>>({ method: 'GET', path: resourcePath(PODS, { namespace }), query })).items;
};

async function eventually(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  while (!(await look())) {
    if (performance.now() > deadlineMs) throw new Error(`timed out waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const isThere = async ({ namespace }: Experiment, job: string): Promise<boolean> => {
  const { items } = await world().client.request<ObjectList<KubernetesObject>>({ method: 'GET', path: resourcePath(JOBS, { namespace }) });
  return items.some(({ metadata }) => metadata.name === job);
};

/** How far the attempt has come when its Job is deleted. */
const MOMENTS: Record<string, (experiment: Experiment, job: string) => Promise<void>> = {
  'as soon as it exists': async () => undefined,
  'once it has a pod': (experiment, job) => eventually(`a pod of ${job}`, async () => (await podsOf(experiment, job)).length > 0),
  'once its pod runs': (experiment, job) =>
    eventually(`${job} to run`, async () => (await podsOf(experiment, job)).some(({ status }) => status?.phase === 'Running')),
};

/** Runs an experiment in which fold 1 trains until the test ends it, and deletes that fold's Job at this moment. Returns the end. */
async function runWithDeletion(
  name: string,
  moment: string,
  during: { readonly propagationPolicy?: 'Orphan' | 'Background'; readonly successor?: boolean } = {},
): Promise<{ readonly end: ExperimentObject; readonly proxy: FaultyApiProxy }> {
  const { client, kubeconfig } = world();
  const experiment: Experiment = { name, namespace: await freshNamespace(client) };
  const held = Promise.withResolvers<void>();
  scripts.set(name, { until: held.promise });
  const late = Promise.withResolvers<void>();
  const proxy = await startFaultyApiProxy({ kubeconfig });
  proxy.set(({ verb, resource }) => (verb === 'watch' && resource === 'pods' ? { until: late.promise } : undefined));
  const settings = { watchNamespace: experiment.namespace, spacingMs: SPACING_MS };
  const operators: RunningOperator[] = [await world().startOperator({ server: proxy.server, settings })];
  try {
    await world().post(name, SMALL, experiment.namespace);
    const job = `${name}-fold-1-1`;
    await eventually(job, () => isThere(experiment, job));
    await MOMENTS[moment]?.(experiment, job);
    const path = resourcePath(JOBS, { namespace: experiment.namespace, name: job });
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
    await eventually('a reaction of the operator', () => proxy.calls.slice(asked).some(isAbout));
    late.resolve();
    await world().until(name, ({ status }) => status?.folds[1]?.state === 'Running', experiment.namespace);
    held.resolve();
    const end = await world().until(name, hasEnded, experiment.namespace);
    return { end, proxy };
  } finally {
    late.resolve();
    held.resolve();
    for (const operator of operators) await operator.stop();
    await proxy.close();
  }
}

/** The experiment is Complete, no containers overlapped, and every attempt has a Job and is counted. */
function expectCorrectAttempts({ end, proxy }: Awaited<ReturnType<typeof runWithDeletion>>): void {
  const { metadata, status } = end;
  const mine = runs.filter(({ experimentUid }) => experimentUid === metadata.uid);
  expectNoOverlap(mine);
  const named = mine.map(({ stage, fold, attempt }) => `${stage} ${fold ?? ''} ${attempt}`);
  expect(named.toSorted(), 'pods beyond one per attempt').toEqual([...new Set(named)].toSorted());
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
    '%s gets no second pod next to the one that is left',
    async (moment, index) => {
      expectCorrectAttempts(await runWithDeletion(`orphan-${index}`, moment));
    },
  );

  it('is not created again by an operator that takes over while that pod runs', async () => {
    const { end, proxy } = await runWithDeletion('orphan-heir', 'once its pod runs', { successor: true });
    expectCorrectAttempts({ end, proxy });
    expect(end.status?.folds[1]).toMatchObject({ attempts: 1, disruptions: 0 });
  });
});

describe.concurrent('a Job that is deleted with its pod', { timeout: 120_000 }, () => {
  it.each(Object.keys(MOMENTS).map((moment, index) => [moment, index] as const))(
    '%s gets a successor when that pod has ended',
    async (moment, index) => {
      const { end, proxy } = await runWithDeletion(`deleted-${index}`, moment, { propagationPolicy: 'Background' });
      expectCorrectAttempts({ end, proxy });
      expect(end.status?.folds[1]).toMatchObject({ attempts: 2, disruptions: 1 });
    },
  );
});
