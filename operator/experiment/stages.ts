/** All stages of an experiment together: how they are listed, found and changed. */

import type { StageKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type FoldStatus, FRESH_STAGE, holdsPlace, type StageStatus } from '@carpal/configs/schema/status.ts';

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

/** The number of folds whose attempts hold a place. */
export function placesTaken(stages: Stages): number {
  return stages.folds.filter(holdsPlace).length;
}

/**
 * Asks every active attempt to stop. `Stopping`: their ends will be observed. `Stopped`: the experiment has ended, and nothing is observed
 * any more.
 */
export function stopAll(stages: Stages, state: 'Stopping' | 'Stopped'): Stages {
  return mapStages(stages, (_key, stage) => (holdsPlace(stage) ? { ...stage, state } : stage));
}
