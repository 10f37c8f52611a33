/** What must be true of an experiment after any fault: the right end, nothing left over, nothing twice, every attempt accounted for, silence. */

import { EXPERIMENTS, LABEL, type Reason } from '@carpal/configs/names.ts';
import { isTerminal, type StageStatus } from '@carpal/configs/schema/status.ts';
import type { KubernetesObject, ObjectList, ObjectMeta } from '@carpal/kubernetes/api/objects.ts';
import { CONFIG_MAPS, JOBS, PODS, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { statusOfObject } from '@carpal/operator/controller/experiment-object.ts';
import { stageTitle } from '@carpal/operator/experiment/stage.ts';
import { entriesOf } from '@carpal/operator/experiment/stages.ts';
import { expect, vi } from 'vitest';
import type { ContainerRun, FaultWorld, RecordedCall } from './fault-world.ts';

/** What a stage's attempts have cost; nothing where absent. `excused` counts against no budget: the operator itself had stopped them. */
export type Costs = { readonly failures?: number; readonly disruptions?: number; readonly excused?: number };

export type ExpectedEnd = {
  readonly state: 'Complete' | 'Failed';
  readonly reason?: Reason;
  /** Of the condition Failed. */
  readonly message?: RegExp;
  /** By title: `prepare`, `fold 0`, `ensemble`. */
  readonly costs?: Readonly<Record<string, Costs>>;
  /** Pods beyond one for each attempt: of Jobs that a queue took back. */
  readonly podsBesides?: number;
  /** Calls of the API server for this experiment; 60 where absent. */
  readonly mostCalls?: number;
};

const QUIET_MS = 1000;
/** An end that did not lead to a further attempt: its own is counted. */
const COUNTED_LAST: readonly (Reason | undefined)[] = [
  'InvalidData',
  'InvalidManifest',
  'FailureBudgetExceeded',
  'DisruptionBudgetExceeded',
];

/** Waits for the experiment's end and for silence after it, and holds everything against what is to be. */
export async function expectCorrectEnd(world: FaultWorld, name: string, end: ExpectedEnd): Promise<void> {
  const experiment = await world.until(name, (seen) => isTerminal(statusOfObject(seen)));
  const status = statusOfObject(experiment);
  if (status === undefined) throw new Error(`${name} has no status`);
  const { state, reason } = end;
  expect({ state: status.state, reason: status.reason }).toEqual({ state, reason: reason ?? 'ExperimentComplete' });
  const yes = status.conditions.filter((condition) => condition.status === 'True').map(({ type }) => type);
  expect(yes).toContain(state);
  expect(yes).not.toContain(state === 'Complete' ? 'Failed' : 'Complete');
  if (end.message !== undefined) expect(status.conditions.find(({ type }) => type === 'Failed')?.message).toMatch(end.message);

  const uid = experiment.metadata.uid ?? '';
  for (const [key, stage] of entriesOf(status)) expectCosts(stageTitle(key), stage, end.costs?.[stageTitle(key)] ?? {});
  await untilNothingRuns(world, name);
  const attempts = entriesOf(status).reduce((sum, [, stage]) => sum + stage.attempts, 0);
  expectNoDuplicates(world, uid, attempts, end.podsBesides);
  await untilNothingIsOrphaned(world, name);
  await untilQuiet(world, name, end.mostCalls ?? 60);
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

/** Each attempt became one Job and at most one pod, and no two containers of a stage ever ran at once. */
export function expectNoDuplicates(world: FaultWorld, uid: string, attempts?: number, podsBesides = 0): void {
  const made = startsOf(world, uid).map(({ body }) => (body as KubernetesObject).metadata.name);
  expect(made.toSorted()).toEqual([...new Set(made)].toSorted());
  if (attempts !== undefined) expect(made).toHaveLength(attempts);
  const runs = world.runs.filter((run) => run.experimentUid === uid);
  const named = ({ stage, fold, attempt }: ContainerRun): string => `${stage} ${fold ?? ''} attempt ${attempt}`;
  expect(runs.length - new Set(runs.map(named)).size, 'pods beyond one for each attempt').toBe(podsBesides);
  expectNoOverlap(runs);
}

/** Of these containers, all of one experiment, none of one stage ran beside another. */
export function expectNoOverlap(runs: readonly ContainerRun[]): void {
  const stages = Map.groupBy(runs, ({ stage, fold }) => `${stage} ${fold ?? ''}`);
  expect([...stages.values()].flatMap(overlaps), 'containers of one stage at once').toEqual([]);
}

function overlaps(runs: readonly ContainerRun[]): readonly string[] {
  const lived = runs.filter(({ startedMs }) => startedMs !== undefined).toSorted((a, b) => (a.startedMs ?? 0) - (b.startedMs ?? 0));
  return lived.flatMap((run, index) => {
    const before = lived[index - 1];
    return before !== undefined && (before.endedMs ?? Number.POSITIVE_INFINITY) > (run.startedMs ?? 0)
      ? [`${run.stage} ${run.fold ?? ''}: attempt ${run.attempt} beside ${before.attempt}`]
      : [];
  });
}

/** Calls by which the operator has made a Job of this experiment. */
export function startsOf(world: FaultWorld, uid: string): readonly RecordedCall[] {
  return world.calls.filter(({ method, path, body, done }) => {
    if (method !== 'POST' || !path.endsWith('/jobs') || !done) return false;
    return (body as KubernetesObject).metadata.labels?.[LABEL.experimentUid] === uid;
  });
}

const labelled = ({ labels }: ObjectMeta, name: string): boolean => labels?.[LABEL.experiment] === name;

/** Nothing of the experiment runs any more. */
async function untilNothingRuns(world: FaultWorld, name: string): Promise<void> {
  await world.eventually(`all Jobs and pods of ${name} to end`, () => {
    const jobs = world.jobs.list().filter(({ metadata }) => labelled(metadata, name));
    const pods = world.pods.list().filter(({ metadata }) => labelled(metadata, name));
    const haveEnded = jobs.every(({ status }) => status?.conditions?.some(({ type }) => type === 'Complete' || type === 'Failed'));
    return haveEnded && pods.every(({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed');
  });
}

/** Whatever bears the experiment's label has an owner that lives. */
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
      .filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => living.has(uid)) !== true)
      .map(({ metadata }) => metadata.name);
  };
  const gone = async (): Promise<void> => expect(await orphans(), `orphans of ${name}`).toEqual([]);
  await vi.waitFor(gone, { timeout: 60_000, interval: 300 });
}

/** The calls that were about this experiment. No other's name may begin with its name and a hyphen. */
export function callsFor(world: FaultWorld, name: string): readonly RecordedCall[] {
  return world.calls.filter(({ about }) => about.some((one) => one === name || one.startsWith(`${name}-`)));
}

/** A whole second comes in which nothing is asked for on the experiment's behalf. */
export async function untilQuiet(world: FaultWorld, name: string, most: number): Promise<void> {
  const quietFor = (): number => performance.now() - (callsFor(world, name).at(-1)?.atMs ?? 0);
  const quiet = (): void => expect(quietFor(), `silence after the end of ${name}`).toBeGreaterThan(QUIET_MS);
  await vi.waitFor(quiet, { timeout: 10_000, interval: 200 });
  expect(callsFor(world, name).length, `calls for ${name}`).toBeLessThanOrEqual(most);
}
