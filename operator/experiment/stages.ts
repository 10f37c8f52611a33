/** All stages of an experiment together, between observing and deciding. */

import { type FoldStatus, FRESH_STAGE, holdsPlace, type StageStatus } from '@carpal/configs/experiment-status.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { StageProgress } from '@carpal/configs/schema/progress.ts';
import { type Observed, progressOf } from './observed.ts';
import type { RetryPolicy } from './retry-delay.ts';
import { settleStage } from './settle.ts';
import { type StageKey, sameStage } from './stage.ts';

export type Stages = { readonly prepare: StageStatus; readonly folds: readonly FoldStatus[]; readonly ensemble: StageStatus };

/** The folds that the experiment trains, in order. An empty list in the manifest means all of the split. */
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

/** The stage of this key; undefined where there is none, as of a fold that the experiment does not train. */
export function stageAt(stages: Stages | undefined, { stage, fold }: StageKey): StageStatus | undefined {
  return stage === 'fold' ? stages?.folds.find(({ index }) => index === fold) : stages?.[stage];
}

/** The stages after `change` of each. Since when a start is tried in vain is dropped of every stage that does not start, whatever it does instead. */
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

/** What a fold has learned, without what its attempts did, so that a change may also take fields away. */
function withoutAttempt({ index, gpu, epoch, epochs, loss, dice, bestDice }: FoldStatus): FoldStatus {
  const learned = { gpu, epoch, epochs, loss, dice, bestDice };
  const known = Object.fromEntries(Object.entries(learned).filter(([, value]) => value !== undefined));
  return { ...FRESH_STAGE, index, ...known };
}

/** Whether any attempt has begun, or is about to. */
export function hasBegun(stages: Stages | undefined): boolean {
  return stages !== undefined && entriesOf(stages).some(([, { attempts }]) => attempts > 0);
}

/** The folds whose attempts hold a place. */
export function placesTaken(stages: Stages): number {
  return stages.folds.filter(holdsPlace).length;
}

/** Every stage brought up to what is seen now. */
export function settleStages(experiment: SegmentationExperiment, observed: Observed, retry: RetryPolicy, now: Date): Stages {
  const { status } = observed;
  const settle = (key: StageKey, previous: StageStatus | undefined): StageStatus => {
    const runs = observed.runs.filter((run) => sameStage(run, key));
    return settleStage(previous, runs, experiment.spec.run, retry, now);
  };
  const folds = foldsOf(experiment).map((index): FoldStatus => {
    const key: StageKey = { stage: 'fold', fold: index };
    const previous = status?.folds.find((fold) => fold.index === index);
    const stage = settle(key, previous);
    const gpu = gpuOf(stage, progressOf(observed.progress, key), previous);
    return { ...learned(observed, key, previous), ...(gpu === undefined ? {} : { gpu }), ...attemptFields(stage), index };
  });
  return { prepare: settle({ stage: 'prepare' }, status?.prepare), folds, ensemble: settle({ stage: 'ensemble' }, status?.ensemble) };
}

function attemptFields(stage: StageStatus): StageStatus {
  const { state, attempts, failures, disruptions, activeSeconds, startedAt, heldSince, retryAt, reason, message, node } = stage;
  const optional = { startedAt, heldSince, retryAt, reason, message, node };
  const known = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  return { state, attempts, failures, disruptions, activeSeconds, ...known };
}

/** Of an attempt that runs only what it has told itself: the one before it may have had another. */
function gpuOf(stage: StageStatus, report: StageProgress | undefined, previous: FoldStatus | undefined): string | undefined {
  const told = report?.gpu ?? undefined;
  if (!holdsPlace(stage)) return told ?? previous?.gpu;
  const { startedAt } = stage;
  if (startedAt === undefined) return undefined;
  if (report !== undefined && Date.parse(report.updatedAt) >= Date.parse(startedAt)) return told;
  return previous?.attempts === stage.attempts && previous.startedAt === startedAt ? previous.gpu : undefined;
}

const toFourPlaces = (value: number): number => Math.round(value * 1e4) / 1e4;

/** What people read, without digits that mean nothing; metrics.ndjson has them all. */
const ROUNDED: Readonly<Record<string, (value: number) => number>> = {
  loss: (value) => Number(value.toPrecision(4)),
  dice: toFourPlaces,
  bestDice: toFourPlaces,
};

/** A fold's figures from its progress report, or those known before. */
function learned(observed: Observed, key: StageKey, previous: FoldStatus | undefined): Partial<FoldStatus> {
  const progress = progressOf(observed.progress, key);
  const figures: Partial<Record<'epoch' | 'epochs' | 'loss' | 'dice' | 'bestDice', number>> = {};
  for (const name of ['epoch', 'epochs', 'loss', 'dice', 'bestDice'] as const) {
    const value = progress?.[name] ?? previous?.[name];
    if (value !== undefined && value !== null) figures[name] = ROUNDED[name]?.(value) ?? value;
  }
  return figures;
}
