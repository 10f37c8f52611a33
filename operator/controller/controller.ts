/** The loop of the leading operator: watches keep the collections up to date, and workers reconcile the experiments that are due. */

import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { keyOf } from '@carpal/kubernetes/api/objects.ts';
import type { EventRecorder } from '@carpal/kubernetes/runtime/event-recorder.ts';
import type { Logger } from '@carpal/kubernetes/runtime/logger.ts';
import { createWorkQueue } from '@carpal/kubernetes/runtime/work-queue.ts';
import { runWorkers } from '@carpal/kubernetes/runtime/workers.ts';
import { createMissingPodReason } from '../jobs/pending-reason.ts';
import { createAskPosition } from '../jobs/queue-position.ts';
import { createAskQueue } from '../jobs/queue-reason.ts';
import { isNamespaceDeletion } from '../jobs/refusal.ts';
import { type Collections, createCollections } from './collections.ts';
import { createActiveExperiments } from './experiment-memory.ts';
import { createExperimentStep } from './experiment-step.ts';
import { countExperiments, countHeld, countStages, type OperatorMetrics } from './metrics.ts';
import { createNamespaceConsent } from './namespace-consent.ts';
import type { OperatorSettings } from './operator-settings.ts';
import { createProgressReader } from './progress-reader.ts';
import { createReconcileDelay } from './reconcile-delay.ts';

export type ControllerOptions = {
  readonly client: KubernetesClient;
  readonly settings: OperatorSettings;
  readonly store: ArtifactStore;
  readonly events: EventRecorder;
  readonly metrics: OperatorMetrics;
  /** Names of the class lists that manifests may use. */
  readonly classLists: readonly string[];
  readonly now: () => Date;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
};

export type Controller = {
  /** Resolves after `signal` has aborted and all steps in progress have ended. */
  run(signal: AbortSignal): Promise<void>;
  readonly collections: Collections;
  /** Whether every collection has been listed once. */
  isSynced(): boolean;
};

/** The shortest time between two steps of an experiment. Changes of its stages wait in multiples of it; see reconcile-delay.ts. */
const SPACING_MS = 500;

/** A namespace that has not opted in is tried again after this many spacings: after half a minute. */
const CONSENT_SPACINGS = 60;

/** A controller that does not run yet. */
export function createController(options: ControllerOptions): Controller {
  const { settings, store, events, metrics, classLists, now, random, log } = options;
  const { spacingMs = SPACING_MS, retry, watchNamespace: namespace, resyncMs, inactivityMs } = settings;
  const nowMs = (): number => now().getTime();
  const consent = createNamespaceConsent({ retryMs: CONSENT_SPACINGS * spacingMs, now: nowMs, log });
  const client = consent.observe(options.client);
  const queue = createWorkQueue({ onTaken: metrics.queueWaited, onRetry: metrics.queueRetried });
  const active = createActiveExperiments({ classLists, retry, now, log });
  const delay = createReconcileDelay(spacingMs, () => active.size);
  const collections = createCollections({
    client,
    namespace,
    active,
    onDue: (key, urgency) => queue.addAfter(key, delay.waitMs(urgency)),
    random,
    resyncMs,
    inactivityMs,
    log,
  });
  const { experiments, jobs, pods } = collections;
  const progress = createProgressReader({
    store,
    now,
    runningFolds: active.runningFolds,
    onUnreachable: ({ experiment, ...problem }) => {
      metrics.storeUnreachable();
      log.warn({ experiment: keyOf(experiment.metadata), ...problem }, 'the artifact store cannot be read');
    },
  });
  const missingPod = createMissingPodReason(client, nowMs);
  const askPosition = createAskPosition({ client, watchNamespace: namespace, now: nowMs });
  const askQueue = createAskQueue({ client, askPosition, now: nowMs });
  const step = createExperimentStep({
    client,
    collections,
    active,
    settings,
    store,
    progress,
    missingPod,
    askQueue,
    events,
    metrics,
    now,
    log,
  });

  metrics.followQueue(queue);
  for (const [name, reflector] of Object.entries({ experiments, jobs, pods })) metrics.followReflector(name, reflector);
  metrics.followExperiments(() => countExperiments(experiments.list()));
  metrics.followHeld(() => countHeld(experiments.list(), consent.isWithheld));
  metrics.followStages(() => countStages(experiments.list()));
  let synced = false;

  return {
    collections,
    isSynced: () => synced,
    async run(signal) {
      const reflecting = [experiments, jobs, pods].map((reflector) => reflector.run(signal));
      // No step runs before all lists are complete: a Job that is not listed yet would count as lost.
      if (await resolvesBeforeAbort(Promise.all([experiments.synced, jobs.synced, pods.synced]), signal)) {
        synced = true;
        log.info({ experiments: experiments.size, jobs: jobs.size, pods: pods.size }, 'the first lists of the cluster are complete');
        await runWorkers({
          queue,
          concurrency: settings.workers,
          work: consent.respect(step),
          signal,
          onError: (key, error) =>
            log
              .child({ experiment: key })
              [isNamespaceDeletion(error) ? 'debug' : 'warn']({ error }, 'a step failed; it will be tried again'),
          onDone: (seen) => {
            delay.noteStep(seen);
            metrics.reconciled(seen);
          },
          spacingMs,
        });
      }
      await queue.drain();
      await Promise.all(reflecting);
    },
  };
}

/** Whether the promise resolves before `signal` aborts. */
async function resolvesBeforeAbort(promise: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  const { promise: aborted, resolve } = Promise.withResolvers<false>();
  const onAbort = (): void => resolve(false);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const first = await Promise.race([promise.then(() => true), aborted]);
  signal.removeEventListener('abort', onAbort);
  return first;
}
