/** One step: observe → plan → act. The only place where a plan is carried out, and the order in which it is. */
import { isDeepStrictEqual } from 'node:util';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { recordAnnouncements } from './announcements.ts';
import type { ExperimentStatus } from './experiment-status.ts';
import type { PlannedStart } from './next-starts.ts';
import type { Observed, StageRun } from './observed.ts';
import { type Plan, plan } from './plan.ts';
import type { RetryPolicy } from './retry-delay.ts';
import { StartRefused } from './start-refused.ts';
import type { Substrate } from './substrate.ts';

export type ReconcileDependencies = {
  readonly substrate: Substrate;
  readonly readProgress: () => Promise<Observed['progress']>;
  readonly readStatus: () => Promise<ExperimentStatus | undefined>;
  readonly writeStatus: (status: ExperimentStatus) => Promise<void>;
  /**
   * Called when the plan's status has been written (or was written already): the time for its events. `before` is the status that the plan was
   * made from; a refusal makes a second plan in the same step, from the first one's. Must not throw.
   */
  readonly settled?: (plan: Plan, before: ExperimentStatus | undefined) => void;
  /** Tells the outside; returns once every announcement is sent. One that could not be sent is tried again at the next step. Absent where
   * nobody is to be told: nothing is recorded as sent then. */
  readonly tell?: (plan: Plan) => Promise<void>;
  readonly artifacts: string;
  readonly now: () => Date;
  readonly retry?: RetryPolicy;
};

export type Step = { readonly plan: Plan; readonly observed: Observed };

// By value: the API server gives the keys back in an order of its own.
const same = (a: ExperimentStatus | undefined, b: ExperimentStatus): boolean => isDeepStrictEqual(a, b);

/**
 * Starts the attempts, all at once; returns those that the substrate will never take, as attempts that failed. Waits for all of them before it
 * throws, so that nothing is still on its way when the step has ended.
 */
async function startAll(substrate: Substrate, attempts: readonly PlannedStart[], now: () => Date): Promise<readonly StageRun[]> {
  const refusalOf = async (attempt: PlannedStart): Promise<readonly StageRun[]> => {
    try {
      await substrate.start(attempt);
      return [];
    } catch (error) {
      if (!(error instanceof StartRefused)) throw error;
      const time = now().toISOString();
      return [{ ...attempt, state: 'failed', refused: true, message: error.message, pendingSince: time, finishedAt: time }];
    }
  };
  const started = await Promise.allSettled(attempts.map(refusalOf));
  return started.flatMap((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}

/** Observes, plans and carries the plan out. Throws what the substrate throws; the next call takes up from what is seen then. */
export async function reconcile(experiment: SegmentationExperiment, dependencies: ReconcileDependencies): Promise<Step> {
  const { substrate, now } = dependencies;
  const [runs, progress, status] = await Promise.all([substrate.observe(), dependencies.readProgress(), dependencies.readStatus()]);
  const observed: Observed = { runs, progress, artifacts: dependencies.artifacts, ...(status === undefined ? {} : { status }) };
  const carryOut = async (seen: Observed): Promise<Plan> => {
    const step = plan(experiment, seen, now(), dependencies.retry);
    // First, so that a stop is known to be ours and an end is final before anything is cleaned up.
    if (!same(seen.status, step.status)) await dependencies.writeStatus(step.status);
    dependencies.settled?.(step, seen.status);
    for (const name of step.stop) await substrate.stop(name);
    const refused = await startAll(substrate, step.start, now);
    for (const name of step.remove) await substrate.remove(name);
    // A refusal is final, so the plan that takes it in starts nothing further.
    return refused.length === 0
      ? step
      : await carryOut({ ...seen, status: step.status, runs: [...(await substrate.observe()), ...refused] });
  };
  const step = await carryOut(observed);

  if (dependencies.tell === undefined) return { plan: step, observed };
  await dependencies.tell(step);
  const told = recordAnnouncements(
    step.status,
    step.announcements.map(({ key }) => key),
    now(),
  );
  if (told !== step.status) await dependencies.writeStatus(told);
  return { plan: { ...step, status: told }, observed };
}
