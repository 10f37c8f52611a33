/** Which attempts to start now: prepare, then the folds in order within the parallelism, then the ensemble. */
import { holdsPlace, type StageStatus } from './experiment-status.ts';
import { attemptName, type StageKey } from './stage.ts';
import { entriesOf, placesTaken, type Stages } from './stages.ts';

export type PlannedStart = StageKey & { readonly name: string; readonly attempt: number };

function wanted(stages: Stages): { readonly kind: StageKey['stage']; readonly room: number } {
  if (stages.prepare.state !== 'Succeeded') return { kind: 'prepare', room: 1 };
  if (stages.folds.some((fold) => fold.state !== 'Succeeded')) return { kind: 'fold', room: Number.POSITIVE_INFINITY };
  return { kind: 'ensemble', room: 1 };
}

const startable = (stage: StageStatus): boolean => stage.state === 'Waiting' || stage.state === 'Stopped';

/** The attempts to start, at most as many as there is room for, and the milliseconds until the next retry is due. */
export function nextStarts(
  experiment: string,
  stages: Stages,
  parallelism: number,
  now: Date,
): { readonly starts: readonly PlannedStart[]; readonly nextMs: number | undefined } {
  const { kind, room } = wanted(stages);
  let free = kind === 'fold' ? parallelism - placesTaken(stages) : room;
  const starts: PlannedStart[] = [];
  let nextMs: number | undefined;
  for (const [key, stage] of entriesOf(stages)) {
    if (key.stage !== kind || holdsPlace(stage) || !startable(stage)) continue;
    const waitMs = stage.retryAt === undefined ? 0 : Date.parse(stage.retryAt) - now.getTime();
    if (waitMs > 0) nextMs = Math.min(nextMs ?? waitMs, waitMs);
    else if (free > 0) {
      free -= 1;
      const attempt = stage.attempts + 1;
      starts.push({ ...key, attempt, name: attemptName(experiment, key, attempt) });
    }
  }
  return { starts, nextMs };
}
