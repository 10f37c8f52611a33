/** Why a stage waits, kept in its status while it does. */
import type { ExperimentStatus, StageStatus } from '@carpal/configs/experiment-status.ts';
import type { StageRun } from './observed.ts';
import { sameWords } from './same-words.ts';
import { type StageKey, sameStage } from './stage.ts';
import { mapStages, type Stages, stageAt } from './stages.ts';

/** Nobody is told of a wait that is over sooner: every pod waits for its image and its node for a moment, and every word is a write. */
const PATIENCE_MS = 15_000;

/**
 * The stages with the words of what holds their attempts back, and the milliseconds until there will be some to tell. Words that stand in
 * the status stay as they are while nothing but numbers changes in them.
 */
export function explainWaiting(
  stages: Stages,
  runs: readonly StageRun[],
  previous: ExperimentStatus | undefined,
  now: Date,
): { readonly stages: Stages; readonly nextMs: number | undefined } {
  let nextMs: number | undefined;
  const explain = (key: StageKey, stage: StageStatus): StageStatus => {
    if (stage.state !== 'Queued' && stage.state !== 'Pending') return stage;
    const run = runs.find((one) => sameStage(one, key) && one.attempt === stage.attempts);
    if (run?.message === undefined) return stage;
    const told = stageAt(previous, key);
    const same = told?.attempts === stage.attempts && told.state === stage.state ? told.message : undefined;
    if (same !== undefined && sameWords(same, run.message)) return { ...stage, message: same };
    const leftMs = Date.parse(run.pendingSince) + PATIENCE_MS - now.getTime();
    if (same !== undefined || leftMs <= 0 || stage.state === 'Queued') return { ...stage, message: run.message };
    nextMs = Math.min(nextMs ?? leftMs, leftMs);
    return stage;
  };
  return { stages: mapStages(stages, explain), nextMs };
}
