/** All stages of an experiment together: how they are listed, found and changed. */

import type { StageKey } from '@carpal/configs/names.ts';
import type { RunSpec, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type FoldStatus, FRESH_STAGE, holdsPlace, type StageStatus } from '@carpal/configs/schema/status.ts';
import type { StopCause } from './retry-policy.ts';

export type Stages = { readonly prepare: StageStatus; readonly folds: readonly FoldStatus[]; readonly ensemble: StageStatus };

/** The folds that the experiment trains, in order. An empty list in the manifest means all folds of the split. */
export function foldsOf({ spec }: SegmentationExperiment): readonly number[] {
  if (spec.run.folds.length > 0) return [...new Set(spec.run.folds)].toSorted((a, b) => a - b);
  return Array.from({ length: spec.dataset.split.folds }, (_, fold) => fold);
}

/** Every stage with its key: prepare, the folds in order, the ensemble. */
export function entriesOf(stages: Stages): readonly (readonly [StageKey, StageStatus])[] {
  return [
    [{ stage: 'prepare' }, stages.prepare],
    ...stages.folds.map((fold) => [{ stage: 'fold', fold: fold.index } as StageKey, fold] as const),
    [{ stage: 'ensemble' }, stages.ensemble],
  ];
}

/** The stage of this key; undefined if the experiment does not have it, for example a fold that it does not train. */
export function stageAt(stages: Stages | undefined, { stage, fold }: StageKey): StageStatus | undefined {
  return stage === 'fold' ? stages?.folds.find(({ index }) => index === fold) : stages?.[stage];
}

/** The stages with `change` applied to each. A stage that is not Starting afterwards loses its `heldSince`. */
export function mapStages(stages: Stages, change: (key: StageKey, stage: StageStatus) => StageStatus): Stages {
  const changed = (key: StageKey, stage: StageStatus): StageStatus => withoutPastHold(change(key, stage));
  return {
    prepare: changed({ stage: 'prepare' }, stages.prepare),
    folds: stages.folds.map((fold) => ({ ...withoutAttempt(fold), ...changed({ stage: 'fold', fold: fold.index }, fold) })),
    ensemble: changed({ stage: 'ensemble' }, stages.ensemble),
  };
}

function withoutPastHold(stage: StageStatus): StageStatus {
  if (stage.state === 'Starting' || stage.heldSince === undefined) return stage;
  const { heldSince: _heldSince, ...kept } = stage;
  return kept;
}

/** A fold with its figures only, without the fields of its attempts, so that a change can also remove fields. */
function withoutAttempt({ index, gpu, epoch, epochs, loss, dice, bestDice }: FoldStatus): FoldStatus {
  const figures = { gpu, epoch, epochs, loss, dice, bestDice };
  const known = Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined));
  return { ...FRESH_STAGE, index, ...known };
}

/** Whether any attempt has begun or is about to begin. */
export function hasBegun(stages: Stages | undefined): boolean {
  return stages !== undefined && entriesOf(stages).some(([, { attempts }]) => attempts > 0);
}

/**
 * Asks every active attempt to stop. `Stopping`: their ends will be observed; an attempt that stops already keeps its reason. `Stopped`: the
 * experiment has ended, and nothing is observed any more.
 */
export function stopAll(stages: Stages, state: 'Stopping' | 'Stopped'): Stages {
  return mapStages(stages, (_key, stage) => {
    if (!holdsPlace(stage) || stage.state === state) return stage;
    const { reason: _reason, message: _message, ...kept } = stage;
    return { ...kept, state };
  });
}

/**
 * Why the planner has asked the stage's newest attempt to stop; undefined if it has not. A Stopping stage with a reason was stopped for
 * itself, which stays decided; one without a reason stops because the experiment is suspended.
 */
export function stopCauseOf({ state, reason }: StageStatus): StopCause | undefined {
  if (state !== 'Stopping' && state !== 'Stopped') return undefined;
  return state === 'Stopping' && reason === 'StageStalled' ? 'stalled' : 'requested';
}

const isOver = ({ state }: StageStatus): boolean => state === 'Succeeded' || state === 'Failed';

/**
 * How an experiment with these stages has ended; undefined while it continues. With `continue`, a fold that has failed lets the other folds
 * finish. Without prepare or the ensemble nothing is left to do.
 */
export function endOf({ prepare, folds, ensemble }: Stages, onFoldFailure: RunSpec['onFoldFailure']): 'complete' | 'failed' | undefined {
  if (prepare.state === 'Failed' || ensemble.state === 'Failed') return 'failed';
  const hasFailed = folds.some(({ state }) => state === 'Failed');
  if (hasFailed && (onFoldFailure === 'stop' || folds.every(isOver))) return 'failed';
  return ensemble.state === 'Succeeded' ? 'complete' : undefined;
}
