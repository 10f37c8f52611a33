/** Which attempts to start now: prepare, then the folds in order within the parallelism, then the ensemble. */

import type { StageKey } from '@carpal/configs/names.ts';
import type { FoldStatus, StageStatus } from '@carpal/configs/schema/status.ts';
import { isActive, type StageRun } from './observed.ts';
import { soonest } from './soonest.ts';
import { attemptName, sameStage } from './stage.ts';
import { entriesOf, mapStages, placesTaken, type Stages } from './stages.ts';

/** `again`: it was planned before, and nobody knows how far that came; what it may have left behind is to be looked for first. */
export type PlannedStart = StageKey & { readonly name: string; readonly attempt: number; readonly again?: true };

function wanted(stages: Stages): { readonly kind: StageKey['stage']; readonly room: number } {
  if (stages.prepare.state !== 'Succeeded') return { kind: 'prepare', room: 1 };
  if (stages.folds.some((fold) => fold.state !== 'Succeeded')) return { kind: 'fold', room: Number.POSITIVE_INFINITY };
  return { kind: 'ensemble', room: 1 };
}

const startable = (stage: StageStatus): boolean => stage.state === 'Waiting' || stage.state === 'Stopped';

/**
 * The attempts to start, at most as many as there is room for, and the milliseconds until the next retry is due. `runs`: all attempts that
 * the substrate knows; none starts beside one of its own stage.
 */
export function nextStarts(
  experiment: string,
  stages: Stages,
  runs: readonly StageRun[],
  parallelism: number,
  now: Date,
): { readonly starts: readonly PlannedStart[]; readonly nextMs: number | undefined } {
  const { kind, room } = wanted(stages);
  let free = kind === 'fold' ? parallelism - placesTaken(stages) : room;
  const starts: PlannedStart[] = [];
  let nextMs: number | undefined;
  for (const [key, stage] of entriesOf(stages)) {
    if (runs.some((run) => sameStage(run, key) && isActive(run))) continue;
    if (stage.state === 'Starting') {
      starts.push({ ...key, attempt: stage.attempts, name: attemptName(experiment, key, stage.attempts), again: true });
    }
    if (key.stage !== kind || !startable(stage)) continue;
    const waitMs = stage.retryAt === undefined ? 0 : Date.parse(stage.retryAt) - now.getTime();
    if (waitMs > 0) nextMs = soonest(nextMs, waitMs);
    else if (free > 0) {
      free -= 1;
      const attempt = stage.attempts + 1;
      starts.push({ ...key, attempt, name: attemptName(experiment, key, attempt) });
    }
  }
  return { starts, nextMs };
}

/** Where the next attempt runs nobody knows yet. */
function withoutGpu(fold: FoldStatus): FoldStatus {
  if (fold.state !== 'Starting') return fold;
  const { gpu: _gpu, ...kept } = fold;
  return kept;
}

/**
 * The stages once these attempts are about to start. Written before any of them does, so that whoever reads it knows of each that may have
 * begun, and so that the news of a beginning costs no write of its own.
 */
export function withStarts(stages: Stages, starts: readonly PlannedStart[]): Stages {
  const begun = mapStages(stages, (key, stage) => {
    const start = starts.find((one) => sameStage(one, key));
    if (start === undefined) return stage;
    // Why the last attempt ended stays until this one is seen.
    const { retryAt: _retryAt, ...kept } = stage;
    return { ...kept, state: 'Starting', attempts: start.attempt };
  });
  return { ...begun, folds: begun.folds.map(withoutGpu) };
}
