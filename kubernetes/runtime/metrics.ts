/** The operator's metrics. Labels have few values each: no names of experiments, no paths, no messages. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { SeenRequest } from '../api/connect.ts';
import type { EventStats } from './event-recorder.ts';
import type { ReflectorStats } from './reflector-types.ts';
import type { WorkQueue } from './work-queue.ts';

const NO_EVENTS: EventStats = { written: 0, lost: 0, waiting: 0 };
const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export type OperatorMetrics = {
  /** The whole page in the text format of Prometheus, and its content type. */
  page(): Promise<string>;
  readonly contentType: string;
  reconciled(seen: { readonly ok: boolean; readonly seconds: number }): void;
  queueWaited(ms: number): void;
  queueRetried(): void;
  apiRequest(seen: SeenRequest): void;
  stageEnded(stage: string, outcome: string): void;
  gpuSeconds(seconds: number): void;
  /** From `false` on nothing is told of the cluster, and nothing that was followed is held: the next leader tells it. */
  leading(isLeader: boolean): void;
  /** The artifact store could not be read. */
  storeAway(): void;
  /** These are read when the page is asked for, of the latest that was named. */
  followQueue(queue: Pick<WorkQueue, 'size'>): void;
  followReflector(resource: string, reflector: { readonly stats: ReflectorStats; readonly size: number }): void;
  /** Experiments by state, counted when the page is asked for. */
  followExperiments(count: () => Readonly<Record<string, number>>): void;
  /** Stages of experiments that go on, counted when the page is asked for. */
  followStages(count: () => readonly StageCount[]): void;
  /** Events written and lost, asked for with the page. */
  followEvents(stats: EventStats): void;
};

/** Stages that have a pod or wait for one, and the GPUs that they ask for. */
export type StageCount = { readonly stage: string; readonly state: string; readonly count: number; readonly gpus: number };

type Names = readonly string[];

/** Metrics in a registry of their own, beside those of the process (memory, CPU, event loop). */
export function createMetrics(): OperatorMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string, labelNames: Names = []) => new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: Names = []) => new Gauge({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, labelNames: Names = []) =>
    new Histogram({ name, help, labelNames, registers, buckets: SECONDS });

  const reconciles = counter('carpal_reconcile_total', 'Reconciles by result.', ['result']);
  const reconcileSeconds = histogram('carpal_reconcile_duration_seconds', 'How long one reconcile took.', ['result']);
  const waited = histogram('carpal_queue_wait_seconds', 'How long a key was due before it was taken.');
  const retries = counter('carpal_queue_retries_total', 'Keys queued again after a failure.');
  const requests = counter('carpal_api_requests_total', 'Requests to the API server; code 0 is no answer.', ['verb', 'resource', 'code']);
  const requestSeconds = histogram('carpal_api_request_duration_seconds', 'Time to the head of the answer.', ['verb', 'resource']);
  const attempts = counter('carpal_stage_attempts_total', 'Ended attempts of stages.', ['stage', 'outcome']);
  const gpu = counter('carpal_gpu_seconds_total', 'Seconds of ended attempts times the GPUs that they held.');
  const leader = gauge('carpal_leader', '1 while this replica leads.');
  leader.set(0);
  const storeFailures = counter(
    'carpal_store_failures_total',
    'Times that the artifact store could not be read and was left alone for a while.',
  );

  type Values = readonly (readonly [Record<string, string>, number])[];
  /** A metric whose values are read when the page is asked for: a counter if its name says so, else a gauge. */
  const follow = (name: string, help: string, labelNames: Names, read: () => Values): void => {
    const settings = { name, help, labelNames, registers };
    if (name.endsWith('_total')) {
      const collect = (): void => {
        total.reset();
        for (const [labels, value] of read()) total.inc(labels, value);
      };
      const total = new Counter({ ...settings, collect });
    } else {
      const collect = (): void => {
        level.reset();
        for (const [labels, value] of read()) level.set(labels, value);
      };
      const level = new Gauge({ ...settings, collect });
    }
  };
  const reflectors = new Map<string, { readonly stats: ReflectorStats; readonly size: number }>();
  const eachReflector = (value: (reflector: { readonly stats: ReflectorStats; readonly size: number }) => number) => () =>
    Array.from(reflectors, ([resource, reflector]) => [{ resource }, value(reflector)] as const);
  for (const [name, help] of [
    ['lists', 'Full lists.'],
    ['watches', 'Watches begun.'],
    ['events', 'Changes delivered by watches.'],
    ['relists', 'Full lists because the place in the history was lost.'],
    ['repairs', 'Objects that a resync had to mend.'],
    ['errors', 'Failed lists and watches.'],
  ] as const) {
    follow(
      `carpal_reflector_${name}_total`,
      help,
      ['resource'],
      eachReflector(({ stats }) => stats[name]),
    );
  }
  follow(
    'carpal_reflector_objects',
    'Objects held in memory.',
    ['resource'],
    eachReflector(({ size }) => size),
  );
  // Each term of leadership brings a queue and events of its own; the metric stays and looks at the latest.
  let queue: Pick<WorkQueue, 'size'> = { size: 0 };
  let experiments = (): Readonly<Record<string, number>> => ({});
  let stages = (): readonly StageCount[] => [];
  let events: EventStats = NO_EVENTS;
  const earlierEvents = { written: 0, lost: 0 };
  follow('carpal_queue_depth', 'Keys that are due and wait for a worker.', [], () => [[{}, queue.size]]);
  follow('carpal_experiments', 'Experiments by state.', ['state'], () =>
    Object.entries(experiments()).map(([state, value]) => [{ state }, value] as const),
  );
  follow('carpal_stages', 'Stages that run or wait, by state.', ['stage', 'state'], () =>
    stages().map(({ stage, state, count }) => [{ stage, state }, count] as const),
  );
  follow('carpal_gpus', 'GPUs that stages hold or wait for, by the state of the stage.', ['state'], () =>
    Array.from(
      Map.groupBy(stages(), ({ state }) => state),
      ([state, rows]) => [{ state }, rows.reduce((sum, { gpus }) => sum + gpus, 0)] as const,
    ),
  );
  follow('carpal_events_total', 'Events for people, by what became of them.', ['outcome'], () =>
    (['written', 'lost'] as const).map((outcome) => [{ outcome }, earlierEvents[outcome] + events[outcome]] as const),
  );
  follow('carpal_events_waiting', 'Events that are yet to be written.', [], () => [[{}, events.waiting]]);

  const followEvents = (stats: EventStats): void => {
    earlierEvents.written += events.written;
    earlierEvents.lost += events.lost;
    events = stats;
  };
  const followNothing = (): void => {
    queue = { size: 0 };
    reflectors.clear();
    experiments = () => ({});
    stages = () => [];
    followEvents(NO_EVENTS);
  };

  return {
    page: () => registry.metrics(),
    contentType: registry.contentType,
    reconciled({ ok, seconds }) {
      const result = ok ? 'ok' : 'error';
      reconciles.inc({ result });
      reconcileSeconds.observe({ result }, seconds);
    },
    queueWaited: (ms) => waited.observe(ms / 1000),
    queueRetried: () => retries.inc(),
    apiRequest({ verb, resource, code, seconds }) {
      requests.inc({ verb, resource, code: String(code) });
      // How soon a watch opens says nothing of how fast the server answers.
      if (verb !== 'watch') requestSeconds.observe({ verb, resource }, seconds);
    },
    stageEnded: (stage, outcome) => attempts.inc({ stage, outcome }),
    gpuSeconds: (seconds) => gpu.inc(seconds),
    leading(isLeader) {
      leader.set(isLeader ? 1 : 0);
      if (!isLeader) followNothing();
    },
    storeAway: () => storeFailures.inc(),
    followQueue: (next) => {
      queue = next;
    },
    followReflector: (resource, reflector) => {
      reflectors.set(resource, reflector);
    },
    followExperiments: (count) => {
      experiments = count;
    },
    followStages: (count) => {
      stages = count;
    },
    followEvents,
  };
}
