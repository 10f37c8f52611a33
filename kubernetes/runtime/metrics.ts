/** Metrics of every controller: reconciles, queue, reflectors, requests and events. Labels have few values: no names, paths or messages. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { SeenRequest } from '../api/connect.ts';
import type { EventStats } from './event-recorder.ts';
import type { ReflectorStats } from './reflector-types.ts';
import type { WorkQueue } from './work-queue.ts';

const NO_EVENTS: EventStats = { written: 0, lost: 0, waiting: 0 };
const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export type RuntimeMetrics = {
  /** For further metrics on the same page. */
  readonly registry: Registry;
  /** The whole page in the text format of Prometheus. */
  page(): Promise<string>;
  readonly contentType: string;
  reconciled(seen: { readonly ok: boolean; readonly seconds: number }): void;
  queueWaited(ms: number): void;
  queueRetried(): void;
  apiRequest(seen: SeenRequest): void;
  /**
   * With `false`, the page no longer reports anything about the cluster and what was followed is released: another replica leads and
   * reports it.
   */
  leading(isLeader: boolean): void;
  /** What is followed is read when the page is requested. A second call replaces the first. */
  followQueue(queue: Pick<WorkQueue, 'size'>): void;
  followReflector(resource: string, reflector: FollowedReflector): void;
  followEvents(stats: EventStats): void;
};

type FollowedReflector = { readonly stats: ReflectorStats; readonly size: number };
type Names = readonly string[];
export type MetricValues = readonly (readonly [Record<string, string>, number])[];

/** Adds a metric whose values are read when the page is requested: a counter if its name ends in `_total`, otherwise a gauge. */
export function followValues(registry: Registry, name: string, help: string, labelNames: Names, read: () => MetricValues): void {
  const settings = { name, help, labelNames, registers: [registry] };
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
}

/** Metrics in their own registry, together with those of the process (memory, CPU, event loop). */
export function createRuntimeMetrics(): RuntimeMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string, labelNames: Names = []) => new Counter({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, labelNames: Names = []) =>
    new Histogram({ name, help, labelNames, registers, buckets: SECONDS });
  const follow = (name: string, help: string, labelNames: Names, read: () => MetricValues): void =>
    followValues(registry, name, help, labelNames, read);

  const reconciles = counter('carpal_reconcile_total', 'Reconciles by result.', ['result']);
  const reconcileSeconds = histogram('carpal_reconcile_duration_seconds', 'Duration of a reconcile.', ['result']);
  const waited = histogram('carpal_queue_wait_seconds', 'Time that a due key waited for a worker.');
  const retries = counter('carpal_queue_retries_total', 'Keys queued again after a failure.');
  const requests = counter('carpal_api_requests_total', 'Requests to the API server; code 0: no answer.', ['verb', 'resource', 'code']);
  const requestSeconds = histogram('carpal_api_request_duration_seconds', 'Time to the head of the answer.', ['verb', 'resource']);
  const leader = new Gauge({ name: 'carpal_leader', help: '1 while this replica leads.', registers });
  leader.set(0);

  const reflectors = new Map<string, FollowedReflector>();
  const ofReflectors = (value: (reflector: FollowedReflector) => number) => (): MetricValues =>
    Array.from(reflectors, ([resource, reflector]) => [{ resource }, value(reflector)] as const);
  for (const [name, help] of [
    ['lists', 'Full lists.'],
    ['watches', 'Watches begun.'],
    ['events', 'Changes delivered by watches.'],
    ['relists', 'Full lists because the position in the history was lost.'],
    ['repairs', 'Objects that a resync had to correct.'],
    ['errors', 'Failed lists and watches.'],
  ] as const) {
    const read = ofReflectors(({ stats }) => stats[name]);
    follow(`carpal_reflector_${name}_total`, help, ['resource'], read);
  }
  const heldObjects = ofReflectors(({ size }) => size);
  follow('carpal_reflector_objects', 'Objects held in memory.', ['resource'], heldObjects);

  // Each term of leadership has its own queue and events; the metric stays and reads the latest ones.
  let queue: Pick<WorkQueue, 'size'> = { size: 0 };
  let events: EventStats = NO_EVENTS;
  const earlierEvents = { written: 0, lost: 0 };
  follow('carpal_queue_depth', 'Due keys that wait for a worker.', [], () => [[{}, queue.size]]);
  follow('carpal_events_total', 'Events for people, by outcome.', ['outcome'], () =>
    (['written', 'lost'] as const).map((outcome) => [{ outcome }, earlierEvents[outcome] + events[outcome]] as const),
  );
  follow('carpal_events_waiting', 'Events that wait to be written.', [], () => [[{}, events.waiting]]);

  const followEvents = (stats: EventStats): void => {
    earlierEvents.written += events.written;
    earlierEvents.lost += events.lost;
    events = stats;
  };

  return {
    registry,
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
      // The time until a watch opens does not show how fast the server answers.
      if (verb !== 'watch') requestSeconds.observe({ verb, resource }, seconds);
    },
    leading(isLeader) {
      leader.set(isLeader ? 1 : 0);
      if (isLeader) return;
      queue = { size: 0 };
      reflectors.clear();
      followEvents(NO_EVENTS);
    },
    followQueue: (next) => {
      queue = next;
    },
    followReflector: (resource, reflector) => {
      reflectors.set(resource, reflector);
    },
    followEvents,
  };
}
