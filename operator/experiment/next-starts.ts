/** Which attempts start now: prepare, then the folds in order within run.parallelism, then the ensemble. */

import type { StageKey } from '@carpal/configs/names.ts';
import { type FoldStatus, holdsPlace, type StageStatus } from '@carpal/configs/schema/status.ts';
import { isActive, type StageRun } from './observed.ts';
import { soonest } from './soonest.ts';
import { attemptName, sameStage } from './stage.ts';
import { entriesOf, mapStages, type Stages } from './stages.ts';

/**
 * `again`: the start was planned before, and it is unknown whether it was carried out. The substrate first looks for objects that the
 * earlier start may have created.
 */
export type PlannedStart = StageKey & { readonly name: string; readonly attempt: number; readonly again?: true };

function wanted(stages: Stages): { readonly kind: StageKey['stage']; readonly room: number } {
  if (stages.prepare.state !== 'Succeeded') return { kind: 'prepare', room: 1 };
  if (stages.folds.some((fold) => fold.state !== 'Succeeded')) return { kind: 'fold', room: Number.POSITIVE_INFINITY };
  return { kind: 'ensemble', room: 1 };
}

/** The number of folds whose attempts hold a place, including those of failed folds that are still stopping. */
function placesTaken({ folds }: Stages, runs: readonly StageRun[]): number {
  return folds.filter((fold) => holdsPlace(fold) || runs.some((run) => run.fold === fold.index && isActive(run))).length;
}

const startable = (stage: StageStatus): boolean => stage.state === 'Waiting' || stage.state === 'Stopped';

/**
 * The attempts to start, limited by the free places, and the milliseconds until the next retry is due. `runs`: all attempts that the
 * substrate knows. No attempt starts while another of its stage is active.
 */
export function nextStarts(
  experiment: string,
  stages: Stages,
  runs: readonly StageRun[],
  parallelism: number,
  now: Date,
): { readonly starts: readonly PlannedStart[]; readonly nextMs: number | undefined } {
  const { kind, room } = wanted(stages);
  let free = kind === 'fold' ? parallelism - placesTaken(stages, runs) : room;
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

/** The machine of the next attempt is still unknown. */
function withoutGpu(fold: FoldStatus): FoldStatus {
  if (fold.state !== 'Starting') return fold;
  const { gpu: _gpu, ...kept } = fold;
  return kept;
}

/**
 * The stages with these attempts about to start. This status is written before any of them starts, so it contains every attempt that may
 * have begun, and the start itself needs no further write.
 */
export function withStarts(stages: Stages, starts: readonly PlannedStart[]): Stages {
  const begun = mapStages(stages, (key, stage) => {
    const start = starts.find((one) => sameStage(one, key));
    if (start === undefined) return stage;
    // The reason why the last attempt ended stays until the new attempt is observed.
    const { retryAt: _retryAt, ...kept } = stage;
    return { ...kept, state: 'Starting', attempts: start.attempt };
  });
  return { ...begun, folds: begun.folds.map(withoutGpu) };
}
