/** Writes events of objects, in the background: events are for people, and nothing waits for them or fails with them. */
import type { PlannedEvent } from '@carpal/operator/experiment/events.ts';
import type { KubernetesClient } from '../api/client.ts';
import { keyOf } from '../api/object-key.ts';
import { EVENTS, resourcePath } from '../api/resource-path.ts';
import { type JoinedEvent, joinEvents } from './joined-events.ts';
import { type Log, silentLog } from './logger.ts';
import { microTime } from './micro-time.ts';

/** The object that an event is about. */
export type Regarding = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
};

export type EventRecorderOptions = {
  readonly client: KubernetesClient;
  /** Who reports: `carpal.dev/operator`. */
  readonly component: string;
  /** Which of its processes: the pod's name. */
  readonly instance: string;
  readonly now: () => Date;
  /** Events that wait to be written; more are dropped and counted. 10,000 where absent, some megabytes. */
  readonly longestBacklog?: number;
  readonly log?: Log;
};

export type EventRecorder = {
  /** Joins the events of one step by reason and writes them, soon. To be called once the status that they tell of is written. */
  record(regarding: Regarding, events: readonly PlannedEvent[]): void;
  /** Resolves when everything recorded so far is written or given up. */
  flush(): Promise<void>;
  readonly stats: EventStats;
};

export type EventStats = {
  readonly written: number;
  readonly lost: number;
  /** In the backlog, or on their way. */
  readonly waiting: number;
};

type Waiting = { readonly regarding: Regarding; readonly event: JoinedEvent; readonly at: Date };

/** So many are written at once: one at a time could not keep up with a cluster's worth of experiments that begin together. */
const WRITERS = 4;

/** A recorder. Its names are unique by the time and a counter, so that a process that starts again does not meet its former events. */
export function recordEvents(options: EventRecorderOptions): EventRecorder {
  const { client, component, instance, now, longestBacklog = 10_000, log = silentLog } = options;
  const backlog: Waiting[] = [];
  const stats = { written: 0, lost: 0 };
  let number = 0;
  let underWay = 0;
  const writers = new Set<Promise<void>>();

  const write = async ({ regarding, event, at }: Waiting): Promise<void> => {
    number += 1;
    underWay += 1;
    const { namespace } = regarding;
    const body = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace, name: `${regarding.name}.${at.getTime().toString(16)}${number.toString(16).padStart(4, '0')}` },
      eventTime: microTime(at),
      reportingController: component,
      reportingInstance: instance.slice(0, 128),
      action: 'Reconciling',
      regarding,
      ...event,
    };
    try {
      await client.request({ method: 'POST', path: resourcePath(EVENTS, { namespace }), body });
      stats.written += 1;
    } catch (error) {
      stats.lost += 1;
      const { reason, note } = event;
      log.warn({ experiment: keyOf(regarding), error, reason, note }, 'an event could not be written');
    } finally {
      underWay -= 1;
    }
  };
  const writeAll = async (): Promise<void> => {
    for (let next = backlog.shift(); next !== undefined; next = backlog.shift()) await write(next);
  };
  const startWriter = (): void => {
    const writer = writeAll().finally(() => void writers.delete(writer));
    writers.add(writer);
  };

  return {
    stats: {
      get written() {
        return stats.written;
      },
      get lost() {
        return stats.lost;
      },
      get waiting() {
        return backlog.length + underWay;
      },
    },
    record(regarding, events) {
      for (const event of joinEvents(events)) {
        if (backlog.length >= longestBacklog) stats.lost += 1;
        else backlog.push({ regarding, event, at: now() });
      }
      while (backlog.length > 0 && writers.size < WRITERS) startWriter();
    },
    flush: async () => {
      await Promise.all(writers);
    },
  };
}
