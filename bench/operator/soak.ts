/** Many experiments for a long time, random faults meanwhile, and a look at the end whether everything has come to its right end. */
import { setTimeout as pause } from 'node:timers/promises';
import type { KubernetesObject, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { CONFIG_MAPS, EXPERIMENTS, JOBS, PODS, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { type ExperimentObject, statusOfObject } from '@carpal/operator/controller/experiment-object.ts';
import { auditedCalls } from '@carpal/testbed/cluster/audit-log.ts';
import type { ScriptedAttempt } from '@carpal/testbed/operator/scripted-attempt.ts';
import type { Measure } from '../harness/measures.ts';
import { type OperatorOutcome, operatorOutcome } from './outcome.ts';
import { SOAK_FAULTS, type SoakFault } from './soak-faults.ts';
import { type Fate, fateOf, nameOf } from './soak-fates.ts';
import { type SoakWorld, startSoakWorld } from './soak-world.ts';

const LOOK_MS = 500;
const REPORT_MS = 30_000;
/** Retries wait up to five minutes, lost Leases and nodes half of one. */
const LONGEST_SETTLING_MS = 600_000;
const LONGEST_GARBAGE_MS = 90_000;

export type SoakOptions = {
  readonly seed: number;
  /** How long faults go on and experiments come. */
  readonly forMs: number;
  /** Experiments that go on at a time. */
  readonly atOnce: number;
  /** The mean time between two faults; 1.5 s where absent. */
  readonly everyMs?: number;
  readonly onProgress?: (text: string) => void;
};

export type SoakOutcome = OperatorOutcome & {
  /** What is wrong, in words; empty after a good soak. */
  readonly wrong: readonly string[];
};

/** Runs a soak. The same seed draws the same experiments and the same faults, but nothing tells when exactly they meet. */
export async function soak(options: SoakOptions): Promise<SoakOutcome> {
  const { seed, forMs, atOnce, onProgress = () => undefined } = options;
  const fates = new Map<string, Fate>();
  const script = (attempt: ScriptedAttempt) => fates.get(attempt.experiment)?.script(attempt) ?? {};
  const jitter = randomFor(seed, 'jitter');
  const world = await startSoakWorld(script, jitter.next);
  try {
    const deleted = new Set<string>();
    const beginMs = performance.now();
    const isOver = (): boolean => performance.now() - beginMs >= forMs;
    const tally = new Map<string, number>();
    const faults = inflict(world, options, isOver, deleted, tally);
    let reportMs = REPORT_MS;
    while (!isOver()) {
      await topUp(world, seed, atOnce, fates);
      if (performance.now() - beginMs >= reportMs) {
        reportMs += REPORT_MS;
        onProgress(`${Math.round((performance.now() - beginMs) / 1000)} s: ${stateOf(world, fates, tally)}`);
      }
      await pause(LOOK_MS);
    }
    await faults;
    onProgress(`no more faults: ${stateOf(world, fates, tally)}`);
    const settlingMs = await settle(world, fates, deleted);
    const wrong = [
      ...(await wrongEnds(world, fates, deleted)),
      ...world.overlaps.map((both) => `ran at the same time: ${both}`),
      ...(await duplicates(world)),
      ...(await leftOver(world)),
    ];
    return { ...operatorOutcome('soak', describe(options), measuresOf(world, fates, deleted, tally, settlingMs, wrong)), wrong };
  } finally {
    await world.stop();
  }
}

const describe = ({ seed, forMs, atOnce }: SoakOptions): string =>
  `${atOnce} experiments at a time for ${(forMs / 60_000).toFixed(1)} minutes, two operators, random faults by seed ${seed}`;

function stateOf({ experiments, containers }: SoakWorld, fates: ReadonlyMap<string, Fate>, tally: ReadonlyMap<string, number>): string {
  const ended = experiments.list().filter((one) => one.ended !== undefined).length;
  const faults = [...tally.values()].reduce((sum, count) => sum + count, 0);
  return `${fates.size} experiments begun, ${ended} ended, ${containers} containers, ${faults} faults`;
}

/** Creates experiments until as many go on as there should be. */
async function topUp({ client, namespace, experiments }: SoakWorld, seed: number, atOnce: number, fates: Map<string, Fate>): Promise<void> {
  const active = experiments.list().filter(({ ended }) => ended === undefined).length;
  for (let missing = atOnce - active; missing > 0; missing -= 1) {
    const name = nameOf(fates.size);
    const fate = fateOf(seed, fates.size);
    // Known before it is there: its first pod may come at once.
    fates.set(name, fate);
    try {
      experiments.absorb(
        await client.request<ExperimentObject>({ method: 'POST', path: resourcePath(EXPERIMENTS, { namespace }), body: fate.manifest }),
      );
    } catch {
      // The API server is away, or nobody knows whether it took it: then it is not there for sure only if nobody finds it later.
      const path = resourcePath(EXPERIMENTS, { namespace, name });
      const isThere = await client.request({ method: 'GET', path }).then(
        () => true,
        () => false,
      );
      if (!isThere) fates.delete(name);
      return;
    }
  }
}

/** Draws a fault now and then and lets it happen; resolves when the last has mended what it broke. */
async function inflict(
  world: SoakWorld,
  { seed, everyMs = 1500 }: SoakOptions,
  isOver: () => boolean,
  deleted: Set<string>,
  tally: Map<string, number>,
): Promise<void> {
  const random = randomFor(seed, 'faults');
  const busy = new Set<string>();
  const underWay = new Set<Promise<void>>();
  const happen = async (fault: SoakFault, number: number): Promise<void> => {
    const { name, needs = `fault ${number}`, act } = fault;
    if (busy.has(needs)) return;
    busy.add(needs);
    try {
      if (await act(world, randomFor(seed, 'fault', number), deleted)) tally.set(name, (tally.get(name) ?? 0) + 1);
    } finally {
      busy.delete(needs);
    }
  };
  for (let number = 0; !isOver(); number += 1) {
    await pause(everyMs * 2 * random.next());
    const happening = happen(drawn(random.next()), number);
    underWay.add(happening);
    void happening.finally(() => underWay.delete(happening)).catch(() => undefined);
  }
  await Promise.all(underWay);
}

function drawn(fraction: number): SoakFault {
  const all = SOAK_FAULTS.reduce((sum, { weight }) => sum + weight, 0);
  let left = fraction * all;
  for (const fault of SOAK_FAULTS) {
    left -= fault.weight;
    if (left < 0) return fault;
  }
  throw new RangeError('a fraction is below 1');
}

/** Waits until every experiment has ended or is gone; the milliseconds that it took. Gives up after some minutes. */
async function settle({ experiments }: SoakWorld, fates: ReadonlyMap<string, Fate>, deleted: ReadonlySet<string>): Promise<number> {
  const beginMs = performance.now();
  const isSettled = (): boolean => {
    const known = new Map(experiments.list().map((one) => [one.metadata.name, one]));
    return [...fates.keys()].every((name) => (deleted.has(name) ? !known.has(name) : known.get(name)?.ended !== undefined));
  };
  while (!isSettled() && performance.now() - beginMs < LONGEST_SETTLING_MS) await pause(LOOK_MS);
  return performance.now() - beginMs;
}

async function all<Item extends KubernetesObject>({ client, namespace }: SoakWorld, resource: Resource): Promise<readonly Item[]> {
  return (await client.request<ObjectList<Item>>({ method: 'GET', path: resourcePath(resource, { namespace }), timeoutMs: 120_000 })).items;
}

/** Experiments that are lost, stuck, or have ended in another way than they should. */
async function wrongEnds(world: SoakWorld, fates: ReadonlyMap<string, Fate>, deleted: ReadonlySet<string>): Promise<readonly string[]> {
  const found = new Map((await all<ExperimentObject>(world, EXPERIMENTS)).map((one) => [one.metadata.name, one]));
  return [...fates].flatMap(([name, { end }]) => {
    const experiment = found.get(name);
    if (deleted.has(name)) return experiment === undefined ? [] : [`${name} was deleted and is still there`];
    if (experiment === undefined) return [`${name} is lost`];
    const status = statusOfObject(experiment);
    const { state, reason } = status ?? {};
    if (state === end.state && reason === end.reason) return [];
    const failure = status?.conditions.find(({ type }) => type === 'Failed')?.message ?? '';
    return [`${name} is ${state} (${reason}), not ${end.state} (${end.reason}) ${failure}`];
  });
}

/** Jobs that were created although one of their name was there, or had ended and was never taken away. */
async function duplicates({ controlPlane, namespace }: SoakWorld): Promise<readonly string[]> {
  const made = new Map<string, number>();
  for await (const { verb, resource, namespace: where, name = '', code } of auditedCalls(controlPlane.auditLog)) {
    // What is created for trial only, when an operator starts, has another name.
    if (resource !== 'jobs' || where !== namespace || !name.startsWith(nameOf(''))) continue;
    if (verb === 'create' && code === 201) made.set(name, (made.get(name) ?? 0) + 1);
    else if (verb === 'delete' && code < 300) made.set(name, 0);
  }
  return [...made].filter(([, count]) => count > 1).map(([name, count]) => `the Job ${name} was created ${count} times`);
}

/** What belongs to nobody, or still runs for an experiment that has ended. Garbage has some time to go. */
async function leftOver(world: SoakWorld): Promise<readonly string[]> {
  const beginMs = performance.now();
  for (;;) {
    const [experiments, jobs, pods, maps] = await Promise.all(
      [EXPERIMENTS, JOBS, PODS, CONFIG_MAPS].map((resource) => all<KubernetesObject>(world, resource)),
    );
    const living = new Set([...(experiments ?? []), ...(jobs ?? [])].map(({ metadata }) => metadata.uid));
    const orphans = [...(jobs ?? []), ...(pods ?? []), ...(maps ?? [])].filter(
      ({ metadata }) => metadata.name !== 'kube-root-ca.crt' && metadata.ownerReferences?.some(({ uid }) => living.has(uid)) !== true,
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
        ...orphans.map(({ metadata }) => `${metadata.name} belongs to nobody`),
        ...running.map(({ metadata }) => `the pod ${metadata.name} still runs`),
      ];
    }
    await pause(LOOK_MS);
  }
}

function measuresOf(
  world: SoakWorld,
  fates: ReadonlyMap<string, Fate>,
  deleted: ReadonlySet<string>,
  tally: ReadonlyMap<string, number>,
  settlingMs: number,
  wrong: readonly string[],
): readonly Measure[] {
  const expected = (state: Fate['end']['state']): number =>
    [...fates].filter(([name, { end }]) => !deleted.has(name) && end.state === state).length;
  const count = (what: string, value: number): Measure => ({ what, value, unit: '' });
  return [
    count('experiments', fates.size),
    count('  to end Complete', expected('Complete')),
    count('  to end Failed', expected('Failed')),
    count('  deleted on the way', deleted.size),
    count('containers that ran', world.containers),
    count('pods started beside another of their own Job', world.twins),
    ...SOAK_FAULTS.map(({ name }) => count(`  ${name}`, tally.get(name) ?? 0)),
    { what: 'the last experiment ended after the last fault by', value: settlingMs / 1000, unit: 's' },
    { what: 'lost, stuck, doubled, left over', value: wrong.length, unit: '', atMost: 0 },
  ];
}
