/** One step: observe → plan → act. The only place where a plan is carried out, and the order in which it is. */
import { isDeepStrictEqual } from 'node:util';
import type { ExperimentStatus } from '@carpal/configs/experiment-status.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { recordAnnouncements } from './announcements.ts';
import type { PlannedStart } from './next-starts.ts';
import type { HeldStart, Observed, StageRun } from './observed.ts';
import { type Plan, plan } from './plan.ts';
import type { RetryPolicy } from './retry-delay.ts';
import { StartHeld } from './start-held.ts';
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
  /** What an experiment that begins now runs; none where attempts are processes. */
  readonly image?: string;
  readonly now: () => Date;
  readonly retry?: RetryPolicy;
};

export type Step = { readonly plan: Plan; readonly observed: Observed };

// By value: the API server gives the keys back in an order of its own.
const same = (a: ExperimentStatus | undefined, b: ExperimentStatus): boolean => isDeepStrictEqual(a, b);

/** What became of starts that did not succeed. */
type Unstarted = { readonly refused: readonly StageRun[]; readonly held: readonly HeldStart[] };

/**
 * Starts the attempts, all at once; returns those that the substrate will never take, as attempts that failed, and those that it cannot take
 * now. Waits for all of them before it throws, so that nothing is still on its way when the step has ended.
 */
async function startAll(substrate: Substrate, attempts: readonly PlannedStart[], now: () => Date): Promise<Unstarted> {
  const refused: StageRun[] = [];
  const held: HeldStart[] = [];
  const start = async (attempt: PlannedStart): Promise<void> => {
    try {
      await substrate.start(attempt);
    } catch (error) {
      const time = now().toISOString();
      if (error instanceof StartRefused)
        refused.push({ ...attempt, state: 'failed', refused: true, message: error.message, pendingSince: time, finishedAt: time });
      else if (error instanceof StartHeld) held.push({ ...attempt, message: error.message, againMs: error.againMs });
      else throw error;
    }
  };
  const started = await Promise.allSettled(attempts.map(start));
  for (const one of started) if (one.status === 'rejected') throw one.reason;
  return { refused, held };
}

/** Observes, plans and carries the plan out. Throws what the substrate throws; the next call takes up from what is seen then. */
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
    // First, so that a stop is known to be ours and an end is final before anything is cleaned up.
    if (!same(seen.status, step.status)) await dependencies.writeStatus(step.status);
    dependencies.settled?.(step, seen.status);
    for (const name of step.stop) await substrate.stop(name);
    const { refused, held } = await startAll(substrate, step.start, now);
    for (const name of step.remove) await substrate.remove(name);
    if (refused.length === 0 && held.length === 0) return step;
    // A refusal is final and what is held waits for another step, so this comes to an end.
    const runs = [...(await substrate.observe()), ...refused];
    return await carryOut({ ...seen, status: step.status, runs, held: [...seen.held, ...held] });
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
