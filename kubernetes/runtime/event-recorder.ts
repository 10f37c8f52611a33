/** Writes events about objects in the background: events are for people, and nothing waits for them or fails because of them. */
import type { KubernetesClient } from '../api/client.ts';
import { microTime } from '../api/objects.ts';
import { EVENTS, resourcePath } from '../api/resource-path.ts';

/** The object that an event is about. */
export type Regarding = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
};

export type ObjectEvent = { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly note: string };

export type LostEvent = { readonly regarding: Regarding; readonly event: ObjectEvent; readonly error: unknown };

export type EventRecorderOptions = {
  readonly client: KubernetesClient;
  /** The reporting controller, such as `carpal.dev/operator`. */
  readonly component: string;
  /** The reporting process: the pod's name. */
  readonly instance: string;
  readonly now: () => Date;
  /** How many events may wait. Further events are dropped and counted. Default: 10,000 (a few megabytes). */
  readonly longestBacklog?: number;
  /** Called for every event that could not be written. */
  readonly onLost?: (lost: LostEvent) => void;
};

export type EventRecorder = {
  /** Queues one event for each element and returns immediately. A note that is longer than the API server accepts is cut. */
  record(regarding: Regarding, events: readonly ObjectEvent[]): void;
  /** Resolves when all events recorded so far are written or lost. */
  flush(): Promise<void>;
  readonly stats: EventStats;
};

export type EventStats = {
  readonly written: number;
  readonly lost: number;
  /** In the backlog, or being written. */
  readonly waiting: number;
};

type Waiting = { readonly regarding: Regarding; readonly event: ObjectEvent; readonly at: Date };

/** Number of concurrent requests. One at a time cannot keep up when a whole cluster reports. */
const WRITERS = 4;
/** The API server rejects longer notes. */
const LONGEST_NOTE = 1024;

/** Creates a recorder. Event names contain the time and a counter, so that a restarted process does not reuse a name. */
export function recordEvents(options: EventRecorderOptions): EventRecorder {
  const { client, component, instance, now, longestBacklog = 10_000, onLost } = options;
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
      note: cut(event.note),
    };
    try {
      await client.request({ method: 'POST', path: resourcePath(EVENTS, { namespace }), body });
      stats.written += 1;
    } catch (error) {
      stats.lost += 1;
      onLost?.({ regarding, event, error });
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
      for (const event of events) {
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

const cut = (note: string): string => (note.length <= LONGEST_NOTE ? note : `${note.slice(0, LONGEST_NOTE - 1)}…`);
