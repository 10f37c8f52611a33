/** What is checked after a soak: every experiment has ended as it must, nothing ran twice, and nothing is left over. */

import { setTimeout as pause } from 'node:timers/promises';
import { EXPERIMENTS, LABEL } from '@carpal/configs/names.ts';
import type { KubernetesObject, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { CONFIG_MAPS, JOBS, PODS, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { type ExperimentObject, statusOfObject } from '@carpal/operator/controller/experiment-object.ts';
import { auditedCalls } from '@carpal/testbed/cluster/audit-log.ts';
import { nameOf, type SoakExperiment } from './soak-experiments.ts';
import type { SoakWorld } from './soak-world.ts';

const POLL_MS = 500;
const LONGEST_GARBAGE_MS = 90_000;

/** Every problem in one line; empty if there are no problems. */
export async function problemsOf(
  world: SoakWorld,
  created: ReadonlyMap<string, SoakExperiment>,
  deleted: ReadonlySet<string>,
  apiFaults: number,
): Promise<readonly string[]> {
  return [
    ...(await wrongEnds(world, created, deleted)),
    ...world.overlaps.map((both) => `ran concurrently: ${both}`),
    ...duplicatePods(world, apiFaults),
    ...(await duplicates(world)),
    ...(await leftOver(world)),
  ];
}

/** The most pods that the Job controller may create twice because the API server went away before it answered. */
const DUPLICATES_PER_FAULT = 8;

/** More pods beyond one per Job than absences of the API server can explain. The faults are counted, not derived from the pods. */
function duplicatePods({ duplicatePods: found }: SoakWorld, apiFaults: number): readonly string[] {
  const allowed = apiFaults * DUPLICATES_PER_FAULT;
  return found > allowed ? [`${found} pods ran next to another of their own Job; the faults explain ${allowed}`] : [];
}

async function listOf<Item extends KubernetesObject>({ client, namespace }: SoakWorld, resource: Resource): Promise<readonly Item[]> {
  return (await client.request<ObjectList<Item>>({ method: 'GET', path: resourcePath(resource, { namespace }), timeoutMs: 120_000 })).items;
}

/** Experiments that are lost, stuck, or have ended differently than they must. */
async function wrongEnds(
  world: SoakWorld,
  created: ReadonlyMap<string, SoakExperiment>,
  deleted: ReadonlySet<string>,
): Promise<readonly string[]> {
  const found = new Map((await listOf<ExperimentObject>(world, EXPERIMENTS)).map((one) => [one.metadata.name, one]));
  return [...created].flatMap(([name, { end }]) => {
    const experiment = found.get(name);
    if (deleted.has(name)) return experiment === undefined ? [] : [`${name} was deleted and still exists`];
    if (experiment === undefined) return [`${name} is lost`];
    const status = statusOfObject(experiment);
    const { state, reason } = status ?? {};
    if (state === end.state && reason === end.reason) return [];
    const failure = status?.conditions.find(({ type }) => type === 'Failed')?.message ?? '';
    return [`${name} is ${state} (${reason}), not ${end.state} (${end.reason}) ${failure}`];
  });
}

/** Jobs that were created although one with their name existed or was never deleted. */
async function duplicates({ controlPlane, namespace }: SoakWorld): Promise<readonly string[]> {
  const made = new Map<string, number>();
  for await (const { verb, resource, namespace: where, name = '', code } of auditedCalls(controlPlane.auditLog)) {
    // Jobs that an operator creates as a dry run at its start have other names.
    if (resource !== 'jobs' || where !== namespace || !name.startsWith(nameOf(''))) continue;
    if (verb === 'create' && code === 201) made.set(name, (made.get(name) ?? 0) + 1);
    else if (verb === 'delete' && code < 300) made.set(name, 0);
  }
  return [...made].filter(([, count]) => count > 1).map(([name, count]) => `the Job ${name} was created ${count} times`);
}

/** The uids of the owners, or of the experiment of a pod that lost its Job: the operator deletes it with the experiment. */
function ownersOf({ ownerReferences, labels }: KubernetesObject['metadata']): readonly (string | undefined)[] {
  return ownerReferences?.map(({ uid }) => uid) ?? [labels?.[LABEL.experimentUid]];
}

/** Objects without an owner, and pods that still run for an experiment that has ended. Garbage collection gets some time. */
async function leftOver(world: SoakWorld): Promise<readonly string[]> {
  const beginMs = performance.now();
  for (;;) {
    const [experiments, jobs, pods, maps] = await Promise.all(
      [EXPERIMENTS, JOBS, PODS, CONFIG_MAPS].map((resource) => listOf<KubernetesObject>(world, resource)),
    );
    const living = new Set([...(experiments ?? []), ...(jobs ?? [])].map(({ metadata }) => metadata.uid));
    const orphans = [...(jobs ?? []), ...(pods ?? []), ...(maps ?? [])].filter(
      ({ metadata }) => metadata.name !== 'kube-root-ca.crt' && !ownersOf(metadata).some((uid) => living.has(uid)),
    );
    const running = world.nodes.flatMap((node) =>
      world
        .kubelet(node)
        .pods()
        .filter(({ status }) => status?.phase === 'Running' || status?.phase === 'Pending'),
    );
    if (orphans.length === 0 && running.length === 0) return [];
    if (performance.now() - beginMs > LONGEST_GARBAGE_MS) {
      return [
        ...orphans.map(({ metadata }) => `${metadata.name} has no owner`),
        ...running.map(({ metadata }) => `the pod ${metadata.name} still runs`),
      ];
    }
    await pause(POLL_MS);
  }
}
