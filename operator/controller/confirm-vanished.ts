/** Before an attempt counts as gone without a trace, the API server itself is asked for it. */

import { type ExperimentStatus, holdsPlace } from '@carpal/configs/experiment-status.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { PlannedStart } from '../experiment/next-starts.ts';
import type { StageRun } from '../experiment/observed.ts';
import { attemptName, sameStage } from '../experiment/stage.ts';
import { entriesOf } from '../experiment/stages.ts';
import type { Substrate } from '../experiment/substrate.ts';

/** What is asked of the API server, and what is known of Jobs that are gone. */
export type Confirmation = {
  readonly ask: (attempt: PlannedStart) => Promise<StageRun | undefined>;
  /** Whether this process has seen the Job of that name go before it had ended. */
  readonly hasGone: (name: string) => boolean;
  readonly now: () => Date;
};

/**
 * The substrate with every attempt that the status takes for alive and that a look does not show asked for by its name. The watches on
 * experiments, Jobs and pods run apart, and another leader may have written the status: what is not seen may be there all the same, and taking
 * it for lost would start its successor beside it. An attempt that starts is asked for only where its Job was there and is gone: then it has
 * been taken away, though no status ever told of it.
 */
export function confirmVanished(
  substrate: Substrate,
  { metadata: { name: experiment } }: SegmentationExperiment,
  status: ExperimentStatus | undefined,
  { ask, hasGone, now }: Confirmation,
): Substrate {
  const held = (status === undefined ? [] : entriesOf(status))
    .filter(([, stage]) => holdsPlace(stage))
    .map(([key, { attempts, state }]) => ({ attempt: { ...key, attempt: attempts, name: attemptName(experiment, key, attempts) }, state }))
    .filter(({ attempt, state }) => state !== 'Starting' || hasGone(attempt.name));
  const observe = async (): Promise<readonly StageRun[]> => {
    const runs = await substrate.observe();
    const missing = held.filter(({ attempt }) => !runs.some((run) => sameStage(attempt, run) && run.attempt >= attempt.attempt));
    const found = await Promise.all(
      missing.map(async ({ attempt, state }) => (await ask(attempt)) ?? (state === 'Starting' ? takenAway(attempt, now()) : undefined)),
    );
    return [...runs, ...found.filter((run) => run !== undefined)];
  };
  return { ...substrate, observe };
}

function takenAway(attempt: PlannedStart, now: Date): StageRun {
  const time = now.toISOString();
  const message = 'the attempt was removed before it was seen to run';
  return { ...attempt, state: 'failed', disrupted: true, reason: 'JobDeleted', message, pendingSince: time, finishedAt: time };
}
