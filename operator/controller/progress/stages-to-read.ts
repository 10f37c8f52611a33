import { type ExperimentStatus, holdsPlace, isTerminal, type StageStatus } from '@carpal/configs/experiment-status.ts';
import type { StageRun } from '../../experiment/observed.ts';
import { type StageKey, sameStage } from '../../experiment/stage.ts';
import { entriesOf } from '../../experiment/stages.ts';

/** A stage whose report may say something new: its attempt runs, or has ended and is to be read once more. */
export type StageToRead = { readonly key: StageKey; readonly attempt: number; readonly ended: boolean };

/**
 * The stages that run or have ended, by the status written last and, where they are given, by the attempts seen since. Those that nobody has
 * begun, and all of an experiment that has come to its end, have nothing to say.
 */
export function stagesToRead(status: ExperimentStatus | undefined, runs: readonly StageRun[]): readonly StageToRead[] {
  if (status === undefined || isTerminal(status)) return [];
  return entriesOf(status).flatMap(([key, stage]): StageToRead[] => {
    const [newest] = runs.filter((run) => sameStage(run, key)).toSorted((a, b) => b.attempt - a.attempt);
    return newest !== undefined && newest.attempt >= stage.attempts ? byRun(key, newest) : byStatus(key, stage);
  });
}

function byRun(key: StageKey, { state, attempt }: StageRun): StageToRead[] {
  if (state === 'queued' || state === 'pending') return [];
  return [{ key, attempt, ended: state !== 'running' }];
}

function byStatus(key: StageKey, stage: StageStatus): StageToRead[] {
  if (stage.attempts === 0 || stage.state === 'Starting' || stage.state === 'Queued' || stage.state === 'Pending') return [];
  return [{ key, attempt: stage.attempts, ended: !holdsPlace(stage) }];
}
