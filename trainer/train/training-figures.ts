/** What a fold's training says of itself where it stands: in progress.json, in metrics.ndjson, in words and in its last ones. */
import { CarpalError } from '@carpal/configs/errors.ts';
import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';
import type { CheckpointRecord } from '@carpal/artifacts/checkpoint-record.ts';
import { type Pace, type Position, remainingSeconds } from './pace.ts';
import type { ProgressFields } from '@carpal/artifacts/progress.ts';
import type { Validation } from './validate.ts';

/** Sums over the steps done of the epoch under way. */
export type EpochSums = CheckpointRecord['running'];

export type TrainingState = Pick<CheckpointRecord, 'ended' | 'best'> & {
  readonly at: Position;
  readonly sums: EpochSums;
  readonly pace: Pace;
  /** Left out where nothing is trained any more. */
  readonly learningRate?: number;
};

/** Progress between two steps, or behind the last epoch. No image of a validation or of out-of-fold masks is under way. */
export function trainingProgress({ at, sums, pace, best, ended, learningRate }: TrainingState): ProgressFields {
  return {
    state: 'running',
    epoch: at.epoch - 1,
    epochs: at.epochs,
    step: at.step,
    stepsPerEpoch: at.stepsPerEpoch,
    ...(sums.images > 0 ? { loss: sums.loss / sums.images } : {}),
    bestDice: best?.dice ?? null,
    bestEpoch: best?.epoch ?? null,
    ...(learningRate === undefined ? {} : { learningRate }),
    imagesPerSecond: pace.imagesPerSecond,
    etaSeconds: remainingSeconds(pace, ended === null ? at : { ...at, epoch: at.epochs + 1, step: 0 }),
    done: undefined,
    total: undefined,
  };
}

export type EpochFigures = {
  readonly at: Position;
  readonly sums: EpochSums;
  readonly learningRate: number;
  /** Undefined in an epoch without one. */
  readonly validation: Validation | undefined;
  readonly validationSeconds: number;
  readonly memoryMb: number;
};

/** The line of an epoch that is whole. */
export function epochMetrics({ at, sums, learningRate, validation, validationSeconds, memoryMb }: EpochFigures): EpochMetrics {
  const { loss, images, seconds, waitSeconds } = sums;
  return {
    epoch: at.epoch,
    step: at.epoch * at.stepsPerEpoch,
    learningRate,
    loss: loss / images,
    validationLoss: validation?.loss ?? null,
    dice: validation?.dice ?? null,
    perClassDice: [...(validation?.perClassDice ?? [])],
    seconds: seconds + validationSeconds,
    waitSeconds,
    imagesPerSecond: seconds > 0 ? images / seconds : 0,
    memoryMb,
  };
}

/** `what` is no longer finite; `lastGood` says where the checkpoint stands that is left. */
export function diverged(
  what: string,
  { epoch, step }: Pick<Position, 'epoch' | 'step'>,
  learningRate: number,
  lastGood: string,
): CarpalError {
  const where = `epoch ${epoch}, step ${step}, learning rate ${learningRate}`;
  return new CarpalError('non-finite-loss', `${what}; last good checkpoint: ${lastGood}`, { where });
}

export function positionWords({ epoch, step }: Pick<Position, 'epoch' | 'step'>): string {
  return step === 0 ? `after epoch ${epoch - 1}` : `in epoch ${epoch} after step ${step}`;
}
