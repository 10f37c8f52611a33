/** The loop of a leader: collections kept up to date, experiments that are due taken up by workers, until it is told to stop. */

import type { Logger } from '@carpal/kubernetes/runtime/logger.ts';
import type { OperatorMetrics } from '@carpal/kubernetes/runtime/metrics.ts';
import { createWorkQueue } from '@carpal/kubernetes/runtime/work-queue.ts';
import { runWorkers } from '@carpal/kubernetes/runtime/workers.ts';
import { type Collections, createCollections } from './collections.ts';
import { countExperiments, countStages } from './experiment-counts.ts';
import { createExperimentStep, type StepDependencies } from './experiment-step.ts';
import { createPatience } from './patience.ts';

export type ControllerOptions = Omit<StepDependencies, 'collections' | 'metrics'> & {
  readonly metrics: OperatorMetrics;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
};

export type Controller = {
  /** Works until `signal` aborts and what had begun is done. */
  run(signal: AbortSignal): Promise<void>;
  readonly collections: Collections;
  /** Whether every collection has been listed once. */
  isSynced(): boolean;
};

/** Least time between two reconciles of an experiment, and the measure of how long news of its stages may wait for more. */
const SPACING_MS = 500;

/** A controller, not yet running. */
export function createController(options: ControllerOptions): Controller {
  const { client, settings, metrics, random, log } = options;
  const queue = createWorkQueue({ onTaken: metrics.queueWaited, onRetry: metrics.queueRetried });
  const { spacingMs = SPACING_MS } = settings;
  const patience = createPatience(spacingMs, () => collections.unfinished());
  const collections: Collections = createCollections({
    client,
    namespace: settings.watchNamespace,
    onDue: (key, urgency) => queue.addAfter(key, patience.waitMs(urgency)),
    random,
    resyncMs: settings.resyncMs,
    inactivityMs: settings.inactivityMs,
    log,
  });
  const { experiments, jobs, pods } = collections;
  metrics.followQueue(queue);
  for (const [name, reflector] of Object.entries({ experiments, jobs, pods })) metrics.followReflector(name, reflector);
  metrics.followExperiments(() => countExperiments(experiments.list()));
  metrics.followStages(() => countStages(experiments.list()));
  const work = createExperimentStep({ ...options, collections });
  let synced = false;

  return {
    collections,
    isSynced: () => synced,
    async run(signal) {
      const reflecting = [experiments, jobs, pods].map((reflector) => reflector.run(signal));
      // Nothing is decided before all is known: a Job that is not seen yet would count as lost.
      const known = await settledOrAborted(Promise.all([experiments.synced, jobs.synced, pods.synced]), signal);
      if (known) {
        synced = true;
        log.info({ experiments: experiments.size, jobs: jobs.size, pods: pods.size }, 'the cluster is known');
        await runWorkers({
          queue,
          concurrency: settings.workers,
          work,
          signal,
          onError: (key, error) => log.child({ experiment: key }).warn({ error }, 'a step failed and is tried again'),
          onDone: (seen) => {
            patience.note(seen);
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

/** Whether the promise came first. */
async function settledOrAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  const { promise: aborted, resolve } = Promise.withResolvers<false>();
  const onAbort = (): void => resolve(false);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const first = await Promise.race([promise.then(() => true), aborted]);
  signal.removeEventListener('abort', onAbort);
  return first;
}
