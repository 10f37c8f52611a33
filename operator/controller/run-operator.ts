/** The operator as a process: it answers health checks, takes part in leader election, and runs the controller while it leads. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { classListNames } from '@carpal/configs/classes.ts';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { Connection } from '@carpal/kubernetes/api/connect.ts';
import { keyOf } from '@carpal/kubernetes/api/objects.ts';
import { recordEvents } from '@carpal/kubernetes/runtime/event-recorder.ts';
import { startHealthServer, stuckReflectors } from '@carpal/kubernetes/runtime/health-server.ts';
import { type ElectionOptions, electLeader, fence, type IsHeld } from '@carpal/kubernetes/runtime/leader-election.ts';
import type { Logger } from '@carpal/kubernetes/runtime/logger.ts';
import { checkStageSettings } from '../jobs/check-settings.ts';
import { isNamespaceDeletion } from '../jobs/refusal.ts';
import { isDigest } from '../jobs/stage-settings.ts';
import { type Controller, createController } from './controller.ts';
import type { OperatorMetrics } from './metrics.ts';
import type { OperatorSettings } from './operator-settings.ts';

/** The Lease. Its times are needed only if they differ from the defaults of leader-election.ts. */
export type LeasePlace = Pick<ElectionOptions, 'namespace' | 'name' | 'leaseMs' | 'renewMs' | 'retryMs'>;

export type OperatorOptions = {
  readonly connection: Connection;
  readonly settings: OperatorSettings;
  readonly store: ArtifactStore;
  /** Unique to this process. */
  readonly identity: string;
  /** Without a Lease this process leads immediately. */
  readonly lease?: LeasePlace;
  /** The port of /healthz, /readyz and /metrics. 0: any free port. Absent: no server. */
  readonly port?: number;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
  readonly now: () => Date;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly signal: AbortSignal;
};

/** The reporting controller of events. */
const COMPONENT = 'carpal.dev/operator';

/**
 * Throws if the settings make no valid Job, so that the operator ends now instead of ending each experiment later. If the server does not
 * answer, or forbids the check in this namespace, the operator starts anyway.
 */
async function checkSettings({ connection, settings, lease, log }: OperatorOptions): Promise<void> {
  // An operator of one namespace may not create Jobs elsewhere, not even as a dry run.
  const namespace = settings.watchNamespace ?? lease?.namespace ?? connection.namespace;
  if (namespace === undefined) return;
  try {
    await checkStageSettings(connection, namespace, settings.stages);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    log.warn({ error }, 'the settings of the stages could not be checked');
  }
}

/** Runs until `signal` aborts; then finishes the steps in progress and releases the Lease. Rejects with errors that a retry cannot fix. */
export async function runOperator(options: OperatorOptions): Promise<void> {
  const { connection, settings, store, identity, metrics, log, now, random, signal } = options;
  const { image } = settings.stages;
  if (!isDigest(image)) log.warn({ image }, 'the image of the stages is not a digest: attempts of one experiment may run different images');
  let controller: Controller | undefined;
  let leads = false;
  const reflectors = (): Parameters<typeof stuckReflectors>[0] => {
    if (controller === undefined) return {};
    const { experiments, jobs, pods } = controller.collections;
    return { experiments, jobs, pods };
  };
  const health =
    options.port === undefined
      ? undefined
      : await startHealthServer({
          port: options.port,
          unhealthy: () => (leads ? stuckReflectors(reflectors()) : []),
          // A replica that does not lead is ready: it has nothing to wait for.
          notReady: () => (leads && controller?.isSynced() !== true ? ['the first lists of the cluster'] : []),
          metrics,
        });
  const lead = async (leadership: AbortSignal, isHeld: IsHeld): Promise<void> => {
    const client = fence(connection, isHeld);
    await checkSettings(options);
    if (leadership.aborted) return;
    const events = recordEvents({
      client,
      component: COMPONENT,
      instance: identity,
      now,
      onLost: ({ regarding, event: { reason, note }, error }) =>
        log[isNamespaceDeletion(error) ? 'debug' : 'warn'](
          { experiment: keyOf(regarding), error, reason, note },
          'an event could not be written',
        ),
    });
    metrics.followEvents(events.stats);
    controller = createController({ client, settings, store, events, metrics, classLists: classListNames(), now, random, log });
    leads = true;
    metrics.leading(true);
    try {
      await controller.run(leadership);
      await events.flush();
    } finally {
      leads = false;
      metrics.leading(false);
      // Its collections are outdated from now on.
      controller = undefined;
    }
  };
  try {
    if (options.lease === undefined) await lead(signal, () => true);
    else await electLeader({ client: connection, ...options.lease, identity, now, random, signal, log, onElected: lead });
  } finally {
    await health?.close();
  }
}
