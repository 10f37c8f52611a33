/** The operator as a process: it answers health checks, stands for election, and works while it leads. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { classListNames } from '@carpal/configs/classes.ts';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { Connection } from '@carpal/kubernetes/api/connect.ts';
import { keyOf } from '@carpal/kubernetes/api/object-key.ts';
import { recordEvents } from '@carpal/kubernetes/runtime/event-recorder.ts';
import { fence } from '@carpal/kubernetes/runtime/fenced-client.ts';
import { startHealthServer, stuckReflectors } from '@carpal/kubernetes/runtime/health-server.ts';
import { type ElectionOptions, electLeader, type IsHeld } from '@carpal/kubernetes/runtime/leader-election.ts';
import type { Logger } from '@carpal/kubernetes/runtime/logger.ts';
import type { OperatorMetrics } from '@carpal/kubernetes/runtime/metrics.ts';
import { checkStageSettings } from '../jobs/check-settings.ts';
import { isDigest } from '../jobs/image-digest.ts';
import { missingPodWords } from '../jobs/missing-pod.ts';
import { type Controller, createController } from './controller.ts';
import type { OperatorSettings } from './operator-settings.ts';
import { explainFailure } from './progress/attempt-log.ts';
import { createProgressReader } from './progress/progress-reader.ts';

/** Where the Lease lies, and its times where they are not those of leader-election.ts. */
export type LeasePlace = Pick<ElectionOptions, 'namespace' | 'name' | 'leaseMs' | 'renewMs' | 'retryMs'>;

export type OperatorOptions = {
  readonly connection: Connection;
  readonly settings: OperatorSettings;
  readonly store: ArtifactStore;
  /** Of this process alone. */
  readonly identity: string;
  /** Without it this process leads at once. */
  readonly lease?: LeasePlace;
  /** Of /healthz, /readyz and /metrics; none is opened where absent, any free one for 0. */
  readonly port?: number;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
  readonly now: () => Date;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly signal: AbortSignal;
};

/** Who reports in events. */
const COMPONENT = 'carpal.dev/operator';

/**
 * Settings that make no Job end the operator here instead of each experiment later. A server that cannot be asked, or that does not let the
 * operator ask in this namespace, is no reason to stand still.
 */
async function tryOutSettings({ connection, settings, lease, log }: OperatorOptions): Promise<void> {
  const namespace = lease?.namespace ?? connection.namespace;
  if (namespace === undefined) return;
  try {
    await checkStageSettings(connection, namespace, settings.stages);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    log.warn({ error }, 'the settings of the stages could not be tried out');
  }
}

/** Runs until `signal` aborts: work that had begun is finished, the Lease released. Rejects with what no retry can mend. */
export async function runOperator(options: OperatorOptions): Promise<void> {
  const { connection, settings, store, identity, metrics, log, now, random, signal } = options;
  const { image } = settings.stages;
  if (!isDigest(image)) log.warn({ image }, 'the image of the stages is not a digest: attempts of one experiment may run different things');
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
          ills: () => (leads ? stuckReflectors(reflectors()) : []),
          // A replica that waits for its turn is ready: it has nothing else to do.
          awaited: () => (leads && controller?.isSynced() !== true ? ['the first lists of the cluster'] : []),
          metrics,
        });
  const lead = async (leadership: AbortSignal, isHeld: IsHeld): Promise<void> => {
    const client = fence(connection, isHeld);
    await tryOutSettings(options);
    if (leadership.aborted) return;
    const events = recordEvents({ client, component: COMPONENT, instance: identity, now, log });
    metrics.followEvents(events.stats);
    const progress = createProgressReader({
      store,
      now,
      onAway: ({ experiment, ...away }) => {
        metrics.storeAway();
        log.warn({ experiment: keyOf(experiment.metadata), ...away }, 'the artifact store cannot be read');
      },
    });
    const classLists = classListNames();
    controller = createController({
      client,
      settings,
      store,
      progress,
      explain: (experiment) => (run) => {
        const onLost = (error: unknown): void =>
          log.warn({ experiment: keyOf(experiment.metadata), attempt: run.name, error }, 'the log of an attempt could not be kept');
        return explainFailure({ store, experiment, run, onLost });
      },
      missingPod: missingPodWords(client, () => now().getTime()),
      events,
      metrics,
      classLists,
      now,
      random,
      log,
    });
    leads = true;
    metrics.leading(true);
    try {
      await controller.run(leadership);
      await events.flush();
    } finally {
      leads = false;
      metrics.leading(false);
      // What it knew of the cluster is old from now on.
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
