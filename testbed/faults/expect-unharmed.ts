/** What must be true of an experiment of well-behaved stages after any fault of the API server or of the operator. */
import { LABEL } from '@carpal/configs/names.ts';
import type { Job, Pod } from '@carpal/kubernetes/api/objects.ts';
import { CONFIG_MAPS, JOBS, PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { ExperimentObject } from '@carpal/operator/controller/experiment-object.ts';
import { expect } from 'vitest';
import { auditedCalls } from '../cluster/audit-log.ts';
import { hasCondition, type OperatorWorld } from '../operator/operator-world.ts';

type List<Item> = { readonly items: readonly Item[] };

export const hasEnded = (experiment: ExperimentObject): boolean =>
  hasCondition(experiment, 'Complete') || hasCondition(experiment, 'Failed');

/** The names of the Jobs of an experiment whose every stage takes one attempt. */
export function firstAttempts({ metadata: { name }, status }: ExperimentObject): readonly string[] {
  const training = (status?.folds ?? []).map(({ index }) => `${name}-fold-${index}-1`);
  return [`${name}-ensemble-1`, ...training, `${name}-prepare-1`];
}

/** Waits for the ends; then of each: Complete, one attempt of each stage, no budget spent, one Job each ever created, nothing nobody's. */
export async function expectUnharmed(
  world: OperatorWorld,
  names: readonly string[],
  namespaceOf?: (name: string) => string,
): Promise<void> {
  const experiments = await Promise.all(names.map((name) => world.until(name, hasEnded, namespaceOf?.(name))));
  const created = await jobsCreated(world);
  for (const experiment of experiments) await expectOneUnharmed(world, experiment, created);
}

async function expectOneUnharmed(
  { client }: OperatorWorld,
  experiment: ExperimentObject,
  created: ReadonlyMap<string, readonly string[]>,
): Promise<void> {
  const { name, namespace = 'default', uid } = experiment.metadata;
  const { state, prepare, folds = [], ensemble } = experiment.status ?? {};
  const stages = [prepare, ...folds, ensemble];
  expect({ name, state, counts: stages.map((stage) => [stage?.attempts, stage?.failures, stage?.disruptions]) }).toEqual({
    name,
    state: 'Complete',
    counts: stages.map(() => [1, 0, 0]),
  });
  const query = { labelSelector: `${LABEL.experiment}=${name}` };
  const [jobs, maps, pods] = await Promise.all(
    [JOBS, CONFIG_MAPS, PODS].map(async (resource) => {
      const { items } = await client.request<List<Job | Pod>>({ method: 'GET', path: resourcePath(resource, { namespace }), query });
      return items;
    }),
  );
  const namesOf = (items: readonly (Job | Pod)[] = []): string[] => items.map(({ metadata }) => metadata.name).toSorted();
  const uidsOf = (items: readonly (Job | Pod)[] = []): (string | undefined)[] => items.map(({ metadata }) => metadata.uid).toSorted();
  const ownersOf = (items: readonly (Job | Pod)[] = []): (string | undefined)[] =>
    items.map(({ metadata }) => metadata.ownerReferences?.[0]?.uid).toSorted();
  expect(namesOf(jobs)).toEqual(firstAttempts(experiment));
  expect(ownersOf(jobs)).toEqual(stages.map(() => uid));
  expect(ownersOf(maps)).toEqual([uid]);
  // One pod of each Job, and none of anybody else's.
  expect(ownersOf(pods)).toEqual(uidsOf(jobs));
  expect(created.get(`${namespace}/${name}`)?.toSorted()).toEqual(firstAttempts(experiment));
}

/** The names under which Jobs were ever created, by `namespace/experiment`; from the API server's own log. */
async function jobsCreated({ controlPlane: { auditLog } }: OperatorWorld): Promise<ReadonlyMap<string, readonly string[]>> {
  if (auditLog === undefined) throw new Error('the control plane of this test keeps no audit log');
  const created = new Map<string, string[]>();
  for await (const { verb, resource, code, namespace, name = '' } of auditedCalls(auditLog)) {
    if (verb !== 'create' || resource !== 'jobs' || code !== 201) continue;
    const key = `${namespace}/${name.replace(/-(prepare|fold-\d+|ensemble)-\d+$/, '')}`;
    created.set(key, [...(created.get(key) ?? []), name]);
  }
  return created;
}
