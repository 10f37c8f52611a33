/**
 * How long a change in the cluster may wait before its experiment is reconciled, so that many changes cost one step and one status write.
 */
import type { Change } from '@carpal/kubernetes/runtime/store.ts';
import type { StageRun } from '../experiment/observed.ts';
import { hasEnded, type KeptJob, type KeptPod, trueCondition } from '../jobs/kept-objects.ts';
import type { KeptExperiment } from './experiment-object.ts';

/**
 * `now`: a person changed the experiment. `soon`: an attempt has ended, and another may follow. `later`: an attempt makes progress, which
 * only has to be reported.
 */
export type Urgency = 'now' | 'soon' | 'later';

/** The urgency of a change of a Job. `siblings`: all Jobs of its experiment, including it. */
export function urgencyOfJob(
  { type, object }: Pick<Change<KeptJob>, 'type' | 'object'>,
  experiment: KeptExperiment | undefined,
  siblings: () => readonly KeptJob[],
): Urgency {
  if (type === 'deleted') return 'soon';
  if (!hasEnded(object)) return 'later';
  const isComplete = trueCondition(object, 'Complete') !== undefined;
  // A waiting fold takes the place of the ended Job. If no fold waits, only the end of the last Job lets a new stage begin.
  const noFoldWaits = experiment?.object?.status?.folds?.every(({ state }) => state !== 'Waiting' && state !== 'Stopped') ?? false;
  return isComplete && noFoldWaits && siblings().some((job) => !hasEnded(job)) ? 'later' : 'soon';
}

/** The urgency of a change of a pod. Its Job reports the attempt's end; only an orphaned pod ends with its deletion. */
export function urgencyOfPod({ type }: Pick<Change<KeptPod>, 'type'>): Urgency {
  return type === 'deleted' ? 'soon' : 'later';
}

/** `later` waits this many mean step durations: with a slow API server it waits longer, and more changes share one status write. */
const STEP_DURATIONS = 100;
/** The longest wait because of slow steps, in spacings: 15 s with a spacing of half a second. */
const LONGEST_SLOW_SPACINGS = 30;
/** `later` waits this many spacings per active experiment: all experiments together write at most ten statuses per second. */
const SPACINGS_PER_EXPERIMENT = 0.2;
/** The longest wait because of many experiments, in spacings: a minute with a spacing of half a second. */
const LONGEST_CROWDED_SPACINGS = 120;
/** The weight of the latest step in the mean. */
const WEIGHT = 0.05;

export type ReconcileDelay = {
  /** A step took this long. */
  noteStep(step: { readonly seconds: number }): void;
  /** How many milliseconds a change of that urgency waits. */
  waitMs(urgency: Urgency): number;
};

/** `soon` waits half of `spacingMs`, and `later` at least four times `spacingMs`. */
export function createReconcileDelay(spacingMs: number, activeExperiments: () => number): ReconcileDelay {
  let meanMs = 0;
  return {
    noteStep({ seconds }) {
      meanMs += (seconds * 1000 - meanMs) * WEIGHT;
    },
    waitMs(urgency) {
      if (urgency === 'now') return 0;
      if (urgency === 'soon') return spacingMs / 2;
      const whileSlow = Math.min(meanMs * STEP_DURATIONS, LONGEST_SLOW_SPACINGS * spacingMs);
      const whileCrowded = Math.min(activeExperiments() * SPACINGS_PER_EXPERIMENT, LONGEST_CROWDED_SPACINGS) * spacingMs;
      return Math.max(4 * spacingMs, whileSlow, whileCrowded);
    },
  };
}

const LOOK_AGAIN_MS = 60_000;
/** Only the reason of a missing pod can change without a report. While many pods are missing, steps would slow down the API server further. */
const LOOK_AGAIN_PENDING_MS = 180_000;
/** A queue says within seconds why it holds an attempt; during the first minute it is asked this often. */
const LOOK_AGAIN_AT_FIRST_MS = 6000;

/**
 * Milliseconds until attempts must be looked at again although no watch reports a change: a queue may say something else, a pod may still
 * not exist, and a node may not answer. Undefined if each change of these attempts is reported.
 */
export function lookAgainMs(runs: readonly StageRun[], now: Date): number | undefined {
  const queuedFor = ({ evictedAt, pendingSince }: StageRun): number => now.getTime() - Date.parse(evictedAt ?? pendingSince);
  if (runs.some((run) => run.state === 'queued' && queuedFor(run) < LOOK_AGAIN_MS)) return LOOK_AGAIN_AT_FIRST_MS;
  if (runs.some(({ state, deleting }) => state === 'queued' || deleting === true)) return LOOK_AGAIN_MS;
  return runs.some(({ state }) => state === 'pending') ? LOOK_AGAIN_PENDING_MS : undefined;
}
