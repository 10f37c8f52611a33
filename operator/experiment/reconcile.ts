/** One step: observe → plan → act. The only place where plans are carried out. */
import { isDeepStrictEqual } from 'node:util';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import type { PlannedStart } from './next-starts.ts';
import type { HeldStart, Observed } from './observed.ts';
import { type Plan, plan } from './plan.ts';
import type { RetryPolicy } from './retry-policy.ts';
import { StartHeld, type Substrate } from './substrate.ts';

export type ReconcileDependencies = {
  readonly substrate: Substrate;
  readonly readProgress: () => Promise<Observed['progress']>;
  readonly readStatus: () => Promise<ExperimentStatus | undefined>;
  readonly writeStatus: (status: ExperimentStatus) => Promise<void>;
  /**
   * Called when the plan's status is written, so that its events can be sent. A start that fails causes a second plan in the same step, whose
   * changes follow those of the first. Must not throw.
   */
  readonly onStatusWritten?: (plan: Plan) => void;
  readonly artifacts: string;
  /** The image of an experiment that begins now; absent if attempts are processes. */
  readonly image?: string;
  readonly now: () => Date;
  readonly retry?: RetryPolicy;
};

export type Step = { readonly plan: Plan; readonly observed: Observed };

// By value: the API server returns the keys in another order.
const same = (a: ExperimentStatus | undefined, b: ExperimentStatus): boolean => isDeepStrictEqual(a, b);

/**
 * Starts the attempts concurrently and returns those that could not be started. Waits for all of them before it throws, so that no start is
 * still in progress when the step has ended.
 */
async function startAll(substrate: Substrate, attempts: readonly PlannedStart[]): Promise<readonly HeldStart[]> {
  const held: HeldStart[] = [];
  const start = async (attempt: PlannedStart): Promise<void> => {
    try {
      await substrate.start(attempt);
    } catch (error) {
      if (!(error instanceof StartHeld)) throw error;
      held.push({ ...attempt, message: error.message, againMs: error.againMs, cause: error.hold });
    }
  };
  const started = await Promise.allSettled(attempts.map(start));
  for (const one of started) if (one.status === 'rejected') throw one.reason;
  return held;
}

/** Observes, plans and carries the plan out. Throws what the substrate throws; the next call continues from what is observed then. */
export async function reconcile(experiment: SegmentationExperiment, dependencies: ReconcileDependencies): Promise<Step> {
  const { substrate, now, artifacts, image } = dependencies;
  const [runs, progress, status] = await Promise.all([substrate.observe(), dependencies.readProgress(), dependencies.readStatus()]);
  const observed: Observed = {
    runs,
    progress,
    held: [],
    artifacts,
    ...(image === undefined ? {} : { image }),
    ...(status === undefined ? {} : { status }),
  };
  const carryOut = async (seen: Observed): Promise<Plan> => {
    const step = plan(experiment, seen, now(), dependencies.retry);
    // The status is written first, so that a stop is known to be ours, and an end is final before anything is removed.
    if (!same(seen.status, step.status)) await dependencies.writeStatus(step.status);
    dependencies.onStatusWritten?.(step);
    for (const name of step.stop) await substrate.stop(name);
    // Before the starts: the attempt of a lost node must not meet its successor.
    for (const name of step.abandon) await substrate.abandon?.(name);
    const held = await startAll(substrate, step.start);
    for (const name of step.remove) await substrate.remove(name);
    if (held.length === 0) return step;
    // This terminates: a held start is not tried again in this step.
    return await carryOut({ ...seen, status: step.status, runs: await substrate.observe(), held: [...seen.held, ...held] });
  };
  return { plan: await carryOut(observed), observed };
}
