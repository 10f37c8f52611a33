/** Many experiments over a long time, with random faults, and a check at the end that every experiment has ended correctly. */

import { setTimeout as pause } from 'node:timers/promises';
import { EXPERIMENTS } from '@carpal/configs/names.ts';
import { isTerminal } from '@carpal/configs/schema/status.ts';
import { isStatus } from '@carpal/kubernetes/api/api-error.ts';
import type { ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { type ExperimentObject, statusOfObject } from '@carpal/operator/controller/experiment-object.ts';
import type { ScriptedAttempt } from '@carpal/testbed/operator/attempt-objects.ts';
import type { Measure } from '../harness/goals.ts';
import { type OperatorOutcome, operatorOutcome } from '../harness/outcome.ts';
import { problemsOf } from './soak-checks.ts';
import { HANGS, nameOf, type SoakExperiment, soakExperiment } from './soak-experiments.ts';
import { SOAK_FAULTS } from './soak-faults.ts';
import { type SoakWorld, startSoakWorld } from './soak-world.ts';
import type { SoakFault } from './workload-faults.ts';

const POLL_MS = 500;
const REPORT_MS = 30_000;
/** A retry waits up to five minutes; a lost Lease or a lost node delays an experiment by half a minute. */
const LONGEST_WAIT_MS = 600_000;

export type SoakOptions = {
  readonly seed: number;
  /** How long faults occur and experiments are created. */
  readonly forMs: number;
  /** The number of active experiments. */
  readonly active: number;
  /** The mean time between two faults; 1.5 s by default. */
  readonly everyMs?: number;
  readonly onProgress?: (text: string) => void;
};

export type SoakOutcome = OperatorOutcome & {
  /** What is wrong, one line per problem; empty after a good soak. */
  readonly wrong: readonly string[];
};

/** Runs a soak. The same seed draws the same experiments and the same faults, but their exact timing varies. */
export async function soak(options: SoakOptions): Promise<SoakOutcome> {
  const { seed, forMs, active, onProgress = () => undefined } = options;
  const created = new Map<string, SoakExperiment>();
  let hung = 0;
  const script = (attempt: ScriptedAttempt) => {
    const drawn = created.get(attempt.experiment)?.script(attempt) ?? {};
    if (drawn === HANGS) hung += 1;
    return drawn;
  };
  const jitter = randomFor(seed, 'jitter');
  const world = await startSoakWorld(script, jitter.next);
  try {
    const deleted = new Set<string>();
    const beginMs = performance.now();
    const isOver = (): boolean => performance.now() - beginMs >= forMs;
    const tally = new Map<string, number>();
    const faults = applyFaults(world, options, isOver, deleted, tally);
    let reportMs = REPORT_MS;
    while (!isOver()) {
      await createMissing(world, seed, active, created);
      if (performance.now() - beginMs >= reportMs) {
        reportMs += REPORT_MS;
        onProgress(`${Math.round((performance.now() - beginMs) / 1000)} s: ${stateOf(world, created, tally)}`);
      }
      await pause(POLL_MS);
    }
    await faults;
    onProgress(`no more faults: ${stateOf(world, created, tally)}`);
    const endingMs = await waitForEnds(world, created, deleted);
    const wrong = await problemsOf(world, created, deleted, apiFaults(tally));
    const measures = measuresOf(world, created, deleted, { tally, hung }, endingMs, wrong);
    return { ...operatorOutcome('soak', describe(options), measures), wrong };
  } finally {
    await world.stop();
  }
}

/** How often the API server was away, which is the only excuse for two pods of one Job. */
const apiFaults = (tally: ReadonlyMap<string, number>): number =>
  SOAK_FAULTS.filter(({ needs }) => needs === 'api').reduce((sum, { name }) => sum + (tally.get(name) ?? 0), 0);

const describe = ({ seed, forMs, active }: SoakOptions): string =>
  `${active} concurrent experiments for ${(forMs / 60_000).toFixed(1)} minutes, two operators, random faults from seed ${seed}`;

function stateOf(
  { experiments, containers }: SoakWorld,
  created: ReadonlyMap<string, SoakExperiment>,
  tally: ReadonlyMap<string, number>,
): string {
  const ended = experiments.list().filter((one) => one.ended !== undefined).length;
  const faults = [...tally.values()].reduce((sum, count) => sum + count, 0);
  return `${created.size} experiments started, ${ended} ended, ${containers} containers, ${faults} faults`;
}

/** Creates experiments until enough are active. */
async function createMissing(
  { client, namespace, experiments }: SoakWorld,
  seed: number,
  active: number,
  created: Map<string, SoakExperiment>,
): Promise<void> {
  const running = experiments.list().filter(({ ended }) => ended === undefined).length;
  for (let missing = active - running; missing > 0; missing -= 1) {
    const name = nameOf(created.size);
    const experiment = soakExperiment(seed, created.size);
    // Stored before the request, because the first pod may start before the answer arrives.
    created.set(name, experiment);
    try {
      experiments.absorb(
        await client.request<ExperimentObject>({
          method: 'POST',
          path: resourcePath(EXPERIMENTS, { namespace }),
          body: experiment.manifest,
        }),
      );
    } catch {
      // The API server is down, or its answer is lost: the experiment may exist. Only the server knows.
      if (!(await exists(client, resourcePath(EXPERIMENTS, { namespace, name })))) created.delete(name);
      return;
    }
  }
}

/** Asks until the API server answers. */
async function exists(client: SoakWorld['client'], path: string): Promise<boolean> {
  for (;;) {
    try {
      await client.request({ method: 'GET', path });
      return true;
    } catch (error) {
      if (isStatus(error, 404)) return false;
      await pause(POLL_MS);
    }
  }
}

/** Draws faults and applies them. Resolves when the last fault has repaired its damage. */
async function applyFaults(
  world: SoakWorld,
  { seed, everyMs = 1500 }: SoakOptions,
  isOver: () => boolean,
  deleted: Set<string>,
  tally: Map<string, number>,
): Promise<void> {
  const random = randomFor(seed, 'faults');
  const busy = new Set<string>();
  const pending = new Set<Promise<void>>();
  const apply = async (fault: SoakFault, number: number): Promise<void> => {
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
    const applied = apply(drawn(random.next()), number);
    pending.add(applied);
    void applied.finally(() => pending.delete(applied)).catch(() => undefined);
  }
  await Promise.all(pending);
}

function drawn(fraction: number): SoakFault {
  const total = SOAK_FAULTS.reduce((sum, { weight }) => sum + weight, 0);
  let left = fraction * total;
  for (const fault of SOAK_FAULTS) {
    left -= fault.weight;
    if (left < 0) return fault;
  }
  throw new RangeError('the fraction must be below 1');
}

/** Waits until every experiment has ended or is gone, for ten minutes at most. Returns the milliseconds that it took. */
async function waitForEnds(world: SoakWorld, created: ReadonlyMap<string, SoakExperiment>, deleted: ReadonlySet<string>): Promise<number> {
  const beginMs = performance.now();
  const seemEnded = (): boolean => {
    const known = new Map(world.experiments.list().map((one) => [one.metadata.name, one]));
    return [...created.keys()].every((name) => (deleted.has(name) ? !known.has(name) : known.get(name)?.ended !== undefined));
  };
  const isInTime = (): boolean => performance.now() - beginMs < LONGEST_WAIT_MS;
  while (isInTime() && !(seemEnded() && (await isSettled(world)))) await pause(POLL_MS);
  return performance.now() - beginMs;
}

/** Whether every experiment has ended, and none that failed is about to be reopened. */
async function isSettled({ client, namespace }: SoakWorld): Promise<boolean> {
  const path = resourcePath(EXPERIMENTS, { namespace });
  const { items } = await client.request<ObjectList<ExperimentObject>>({ method: 'GET', path, timeoutMs: 120_000 });
  return items.every((one) => {
    const status = statusOfObject(one);
    return isTerminal(status) && (status?.state !== 'Failed' || retryOf(one) <= (status.retry ?? 0));
  });
}

const retryOf = ({ spec }: ExperimentObject): number => (spec as { run?: { retry?: number } } | undefined)?.run?.retry ?? 0;

function measuresOf(
  world: SoakWorld,
  created: ReadonlyMap<string, SoakExperiment>,
  deleted: ReadonlySet<string>,
  { tally, hung }: { readonly tally: ReadonlyMap<string, number>; readonly hung: number },
  endingMs: number,
  wrong: readonly string[],
): readonly Measure[] {
  const expected = (state: SoakExperiment['end']['state']): number =>
    [...created].filter(([name, { end }]) => !deleted.has(name) && end.state === state).length;
  const count = (what: string, value: number): Measure => ({ what, value, unit: '' });
  return [
    count('experiments', created.size),
    count('  expected to end Complete', expected('Complete')),
    count('  expected to end Failed', expected('Failed')),
    count('  deleted while active', deleted.size),
    count('containers that ran', world.containers),
    count('pods that ran next to another of their own Job', world.duplicatePods),
    count('attempts that hung', hung),
    ...SOAK_FAULTS.map(({ name }) => count(`  ${name}`, tally.get(name) ?? 0)),
    { what: 'time from the last fault to the last end', value: endingMs / 1000, unit: 's' },
    { what: 'lost, stuck, duplicated, left over', value: wrong.length, unit: '', atMost: 0 },
  ];
}
