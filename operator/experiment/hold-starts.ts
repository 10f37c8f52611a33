/** Why a stage that is to start does not, kept in its status while that is so. */
import type { StageStatus } from '@carpal/configs/experiment-status.ts';
import type { HeldStart } from './observed.ts';
import { sameWords } from './same-words.ts';
import { type StageKey, sameStage } from './stage.ts';
import { mapStages, type Stages } from './stages.ts';

/** What holds this stage's start back; undefined where nothing is known to. */
export function holdOn(key: StageKey, stage: StageStatus, held: readonly HeldStart[]): HeldStart | undefined {
  if (stage.state !== 'Starting') return undefined;
  return held.find((one) => sameStage(one, key) && one.attempt === stage.attempts);
}

/** The stages with the words of what holds their starts back, and since when. Words stay as they are while nothing but numbers changes in them. */
export function holdStarts(stages: Stages, held: readonly HeldStart[], now: Date): Stages {
  return mapStages(stages, (key, stage) => {
    const hold = holdOn(key, stage, held);
    if (hold === undefined) return stage;
    const { heldSince = now.toISOString(), message: told } = stage;
    const isTold = stage.heldSince !== undefined && told !== undefined && sameWords(told, hold.message);
    return { ...stage, heldSince, reason: 'StagePending', message: isTold ? told : hold.message };
  });
}
