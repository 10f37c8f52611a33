/** What must hold for an experiment with successful stages after any fault of the API server or of the operator. */
import { LABEL } from '@carpal/configs/names.ts';
import type { ExperimentState } from '@carpal/configs/schema/status.ts';
import type { Job, Pod } from '@carpal/kubernetes/api/objects.ts';
import { CONFIG_MAPS, JOBS, PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { ExperimentObject } from '@carpal/operator/controller/experiment-object.ts';
import { expect } from 'vitest';
import { auditedCalls } from '../cluster/audit-log.ts';
import { hasCondition, type OperatorWorld } from '../operator/operator-world.ts';

type List<Item> = { readonly items: readonly Item[] };

export const hasEnded = (experiment: ExperimentObject): boolean =>
  hasCondition(experiment, 'Complete') || hasCondition(experiment, 'Failed');

/** The names of the Jobs of an experiment in which every stage takes one attempt. */
function firstAttempts({ metadata: { name }, status }: ExperimentObject): readonly string[] {
  const training = (status?.folds ?? []).map(({ index }) => `${name}-fold-${index}-1`);
  return [`${name}-ensemble-1`, ...training, `${name}-prepare-1`];
}

/**
 * Waits for the ends, then checks each experiment: Complete, one attempt per stage, no budget used, one Job per attempt ever created,
 * nothing without an owner.
 */
export async function expectUnaffected(
  world: OperatorWorld,
  names: readonly string[],
  namespaceOf?: (name: string) => string,
): Promise<void> {
  const experiments = await Promise.all(names.map((name) => world.until(name, hasEnded, namespaceOf?.(name))));
  const created = await jobsCreated(world);
  for (const experiment of experiments) await expectOneUnaffected(world, experiment, created);
}

async function expectOneUnaffected(
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
  // One pod per Job, and no others.
  expect(ownersOf(pods)).toEqual(uidsOf(jobs));
  expect(created.get(`${namespace}/${name}`)?.toSorted()).toEqual(firstAttempts(experiment));
}

/** The names of all Jobs ever created, by `namespace/experiment`, from the API server's audit log. */
export async function jobsCreated({ controlPlane: { auditLog } }: OperatorWorld): Promise<ReadonlyMap<string, readonly string[]>> {
  if (auditLog === undefined) throw new Error('the control plane of this test has no audit log');
  const created = new Map<string, string[]>();
  for await (const { verb, resource, code, namespace, name = '' } of auditedCalls(auditLog)) {
    if (verb !== 'create' || resource !== 'jobs' || code !== 201) continue;
    const key = `${namespace}/${name.replace(/-(prepare|fold-\d+|ensemble)-\d+$/, '')}`;
    created.set(key, [...(created.get(key) ?? []), name]);
  }
  return created;
}

/** The states of an experiment with successful stages, in order. */

const ORDER: readonly ExperimentState[] = ['Pending', 'Queued', 'Preparing', 'Training', 'Ensembling', 'Complete'];

/** The values that only grow: the state, the finished folds, the attempts and what they used of the budgets. */
function marks({ status }: ExperimentObject): readonly number[] {
  if (status === undefined) return [];
  const stages = [status.prepare, ...status.folds, status.ensemble];
  const counts = stages.flatMap(({ attempts, failures, disruptions, state }) => [
    attempts,
    failures,
    disruptions,
    Number(state === 'Succeeded'),
  ]);
  return [ORDER.indexOf(status.state), Number.parseInt(status.foldsFinished, 10), ...counts];
}

/** No version reverts what an earlier one reported. */
export function expectMonotonic(versions: readonly ExperimentObject[]): void {
  const marked = versions.map(marks).filter((mark) => mark.length > 0);
  for (const [index, mark] of marked.entries()) {
    const before = marked[index - 1] ?? [];
    const reverts = mark.some((value, place) => value < (before[place] ?? value));
    expect(reverts, `version ${index} reverts the one before it:\n${JSON.stringify(before)}\n${JSON.stringify(mark)}`).toBe(false);
  }
}
