/** Before an attempt counts as lost, the API server itself is asked for it. */

import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type ExperimentStatus, holdsPlace } from '@carpal/configs/schema/status.ts';
import type { PlannedStart } from '../experiment/next-starts.ts';
import type { StageRun } from '../experiment/observed.ts';
import { attemptName, sameStage } from '../experiment/stage.ts';
import { entriesOf } from '../experiment/stages.ts';

export type Confirmation = {
  /** Reads an attempt from the API server. */
  readonly ask: (attempt: PlannedStart) => Promise<StageRun | undefined>;
  /** Whether this process has seen the Job of that name disappear before it had ended. */
  readonly hasGone: (name: string) => boolean;
  readonly now: () => Date;
};

/**
 * Adds to the observed runs the attempts that the status takes for alive and that were not observed, if the API server still has them. The
 * watches on experiments, Jobs and pods are independent, and another leader may have written the status: an unseen attempt may exist, and
 * taking it for lost would start its successor at the same time. A starting attempt is asked for only if its Job existed and is gone; then it
 * was taken away although no status ever showed it.
 */
export async function confirmVanished(
  runs: readonly StageRun[],
  { metadata: { name: experiment } }: SegmentationExperiment,
  status: ExperimentStatus | undefined,
  { ask, hasGone, now }: Confirmation,
): Promise<readonly StageRun[]> {
  const missing = (status === undefined ? [] : entriesOf(status))
    .filter(([, stage]) => holdsPlace(stage))
    .map(([key, { attempts, state }]) => ({ attempt: { ...key, attempt: attempts, name: attemptName(experiment, key, attempts) }, state }))
    .filter(({ attempt, state }) => state !== 'Starting' || hasGone(attempt.name))
    .filter(({ attempt }) => !runs.some((run) => sameStage(attempt, run) && run.attempt >= attempt.attempt));
  const found = await Promise.all(
    missing.map(async ({ attempt, state }) => (await ask(attempt)) ?? (state === 'Starting' ? takenAway(attempt, now()) : undefined)),
  );
  return [...runs, ...found.filter((run) => run !== undefined)];
}

function takenAway(attempt: PlannedStart, now: Date): StageRun {
  const time = now.toISOString();
  const message = 'the attempt was removed before it was seen to run';
  return { ...attempt, state: 'failed', disrupted: true, reason: 'JobDeleted', message, pendingSince: time, finishedAt: time };
}
