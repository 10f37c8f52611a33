/**
 * What must hold for an experiment after any fault: the right end, no leftovers, no duplicates, every attempt accounted for, and no further
 * requests.
 */

import { EXPERIMENTS, LABEL, type Reason } from '@carpal/configs/names.ts';
import { isTerminal, type StageStatus } from '@carpal/configs/schema/status.ts';
import type { KubernetesObject, ObjectList, ObjectMeta } from '@carpal/kubernetes/api/objects.ts';
import { CONFIG_MAPS, JOBS, PODS, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { statusOfObject } from '@carpal/operator/controller/experiment-object.ts';
import { stageTitle } from '@carpal/operator/experiment/stage.ts';
import { entriesOf } from '@carpal/operator/experiment/stages.ts';
import { expect, vi } from 'vitest';
import type { ContainerRun, FaultWorld, RecordedCall } from './fault-world.ts';

/**
 * What the attempts of a stage have used of its budgets. Default: nothing. `excused` attempts use none, because the operator itself stopped
 * them.
 */
export type Costs = { readonly failures?: number; readonly disruptions?: number; readonly excused?: number };

export type ExpectedEnd = {
  readonly state: 'Complete' | 'Failed';
  readonly reason?: Reason;
  /** The message of the condition Failed. */
  readonly message?: RegExp;
  /** By title: `prepare`, `fold 0`, `ensemble`. */
  readonly costs?: Readonly<Record<string, Costs>>;
  /** The number of pods beyond one per attempt, from Jobs that a queue took back. */
  readonly extraPods?: number;
  /** The limit of requests to the API server for this experiment. Default: 60. */
  readonly maxCalls?: number;
};

const QUIET_MS = 1000;
/** Reasons of a last attempt that was counted but not followed by another one. */
const COUNTED_LAST: readonly (Reason | undefined)[] = [
  'InvalidData',
  'InvalidManifest',
  'FailureBudgetExceeded',
  'DisruptionBudgetExceeded',
];

/** Waits for the experiment's end and for the end of its requests, then checks everything. */
export async function expectCorrectEnd(world: FaultWorld, name: string, end: ExpectedEnd): Promise<void> {
  const experiment = await world.until(name, (seen) => isTerminal(statusOfObject(seen)));
  const status = statusOfObject(experiment);
  if (status === undefined) throw new Error(`${name} has no status`);
  const { state, reason } = end;
  expect({ state: status.state, reason: status.reason }).toEqual({ state, reason: reason ?? 'ExperimentComplete' });
  const trueTypes = status.conditions.filter((condition) => condition.status === 'True').map(({ type }) => type);
  expect(trueTypes).toContain(state);
  expect(trueTypes).not.toContain(state === 'Complete' ? 'Failed' : 'Complete');
  if (end.message !== undefined) expect(status.conditions.find(({ type }) => type === 'Failed')?.message).toMatch(end.message);

  const uid = experiment.metadata.uid ?? '';
  for (const [key, stage] of entriesOf(status)) expectCosts(stageTitle(key), stage, end.costs?.[stageTitle(key)] ?? {});
  await untilNothingRuns(world, name);
  const attempts = entriesOf(status).reduce((sum, [, stage]) => sum + stage.attempts, 0);
  expectNoDuplicates(world, uid, attempts, end.extraPods);
  await untilNothingIsOrphaned(world, name);
  await untilQuiet(world, name, end.maxCalls ?? 60);
}

function expectCosts(title: string, stage: StageStatus, { failures = 0, disruptions = 0, excused = 0 }: Costs): void {
  const lastIsCounted = COUNTED_LAST.includes(stage.reason) || (stage.state === 'Waiting' && stage.attempts > 0);
  const fresh = stage.attempts === 0 || lastIsCounted ? 0 : 1;
  expect({ title, failures: stage.failures, disruptions: stage.disruptions, attempts: stage.attempts }).toEqual({
    title,
    failures,
    disruptions,
    attempts: failures + disruptions + excused + fresh,
  });
}

/** Every attempt had one Job and at most one pod, and no two containers of a stage ran concurrently. */
export function expectNoDuplicates(world: FaultWorld, uid: string, attempts?: number, extraPods = 0): void {
  const made = startsOf(world, uid).map(({ body }) => (body as KubernetesObject).metadata.name);
  expect(made.toSorted()).toEqual([...new Set(made)].toSorted());
  if (attempts !== undefined) expect(made).toHaveLength(attempts);
  const runs = world.runs.filter((run) => run.experimentUid === uid);
  const named = ({ stage, fold, attempt }: ContainerRun): string => `${stage} ${fold ?? ''} attempt ${attempt}`;
  expect(runs.length - new Set(runs.map(named)).size, 'pods beyond one per attempt').toBe(extraPods);
  expectNoOverlap(runs);
}

/** No two of these containers of one experiment ran concurrently for the same stage. */
export function expectNoOverlap(runs: readonly ContainerRun[]): void {
  const stages = Map.groupBy(runs, ({ stage, fold }) => `${stage} ${fold ?? ''}`);
  expect([...stages.values()].flatMap(overlaps), 'concurrent containers of one stage').toEqual([]);
}

function overlaps(runs: readonly ContainerRun[]): readonly string[] {
  const lived = runs.filter(({ startedMs }) => startedMs !== undefined).toSorted((a, b) => (a.startedMs ?? 0) - (b.startedMs ?? 0));
  return lived.flatMap((run, index) => {
    const before = lived[index - 1];
    return before !== undefined && (before.endedMs ?? Number.POSITIVE_INFINITY) > (run.startedMs ?? 0)
      ? [`${run.stage} ${run.fold ?? ''}: attempt ${run.attempt} next to ${before.attempt}`]
      : [];
  });
}

/** The requests by which the operator created Jobs of this experiment. */
export function startsOf(world: FaultWorld, uid: string): readonly RecordedCall[] {
  return world.calls.filter(({ method, path, body, done }) => {
    if (method !== 'POST' || !path.endsWith('/jobs') || !done) return false;
    return (body as KubernetesObject).metadata.labels?.[LABEL.experimentUid] === uid;
  });
}

/** The uids of the owners of an object, or of the experiment of a pod without owners. */
function ownersOf({ ownerReferences, labels }: ObjectMeta): readonly (string | undefined)[] {
  return ownerReferences?.map(({ uid }) => uid) ?? [labels?.[LABEL.experimentUid]];
}

const labelled = ({ labels }: ObjectMeta, name: string): boolean => labels?.[LABEL.experiment] === name;

/** Waits until nothing of the experiment runs any more. */
async function untilNothingRuns(world: FaultWorld, name: string): Promise<void> {
  await world.eventually(`all Jobs and pods of ${name} to end`, () => {
    const jobs = world.jobs.list().filter(({ metadata }) => labelled(metadata, name));
    const pods = world.pods.list().filter(({ metadata }) => labelled(metadata, name));
    const haveEnded = jobs.every(({ status }) => status?.conditions?.some(({ type }) => type === 'Complete' || type === 'Failed'));
    return haveEnded && pods.every(({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed');
  });
}

/**
 * Waits until everything with the experiment's label has an existing owner. A pod whose Job was deleted with --cascade=orphan has none; the
 * operator deletes it together with its experiment.
 */
export async function untilNothingIsOrphaned(world: FaultWorld, name: string): Promise<void> {
  const list = async (resource: Resource): Promise<readonly KubernetesObject[]> => {
    const path = resourcePath(resource, { namespace: world.namespace });
    const query = resource === EXPERIMENTS ? { fieldSelector: `metadata.name=${name}` } : { labelSelector: `${LABEL.experiment}=${name}` };
    return (await world.client.request<ObjectList<KubernetesObject>>({ method: 'GET', path, query })).items;
  };
  const orphans = async (): Promise<readonly string[]> => {
    const [experiments = [], jobs = [], pods = [], maps = []] = await Promise.all([EXPERIMENTS, JOBS, PODS, CONFIG_MAPS].map(list));
    const living = new Set([...experiments, ...jobs].map(({ metadata }) => metadata.uid));
    return [...jobs, ...pods, ...maps]
      .filter(({ metadata }) => !ownersOf(metadata).some((uid) => living.has(uid)))
      .map(({ metadata }) => metadata.name);
  };
  const gone = async (): Promise<void> => expect(await orphans(), `orphans of ${name}`).toEqual([]);
  await vi.waitFor(gone, { timeout: 60_000, interval: 300 });
}

/** The requests about this experiment. No other experiment's name may begin with its name and a hyphen. */
export function callsFor(world: FaultWorld, name: string): readonly RecordedCall[] {
  return world.calls.filter(({ about }) => about.some((one) => one === name || one.startsWith(`${name}-`)));
}

/** Waits for a whole second without requests about this experiment. */
export async function untilQuiet(world: FaultWorld, name: string, most: number): Promise<void> {
  const quietFor = (): number => performance.now() - (callsFor(world, name).at(-1)?.atMs ?? 0);
  const quiet = (): void => expect(quietFor(), `milliseconds without requests after the end of ${name}`).toBeGreaterThan(QUIET_MS);
  await vi.waitFor(quiet, { timeout: 10_000, interval: 200 });
  expect(callsFor(world, name).length, `requests for ${name}`).toBeLessThanOrEqual(most);
}
