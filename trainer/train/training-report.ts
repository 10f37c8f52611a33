/** The reports of a fold about its training: progress.json, lines of metrics.ndjson and of the log, and the error when it diverges. */
import type { CheckpointRecord } from '@carpal/artifacts/checkpoint-record.ts';
import type { ProgressFields } from '@carpal/artifacts/progress.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';
import { type Position, remainingSeconds, type Throughput } from './throughput.ts';
import type { Validation } from './validate.ts';

/** Sums over the finished steps of the current epoch. */
export type EpochSums = CheckpointRecord['running'];
export const EMPTY_SUMS: EpochSums = { loss: 0, images: 0, seconds: 0, waitSeconds: 0 };

/** A finished step with `count` images. `seconds` includes `waitSeconds`, the wait for the batch. */
export type StepDone = { readonly loss: number; readonly count: number; readonly seconds: number; readonly waitSeconds: number };

export function addStep(sums: EpochSums, { loss, count, seconds, waitSeconds }: StepDone): EpochSums {
  return {
    loss: sums.loss + loss * count,
    images: sums.images + count,
    seconds: sums.seconds + seconds,
    waitSeconds: sums.waitSeconds + waitSeconds,
  };
}

export type TrainingState = Pick<CheckpointRecord, 'ended' | 'best'> & {
  readonly at: Position;
  readonly sums: EpochSums;
  readonly throughput: Throughput;
  /** Omitted when training has ended. */
  readonly learningRate?: number;
};

/** The progress between two steps, or after the last epoch. Clears the image counts of a validation or of out-of-fold masks. */
export function trainingProgress({ at, sums, throughput, best, ended, learningRate }: TrainingState): ProgressFields {
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
    imagesPerSecond: throughput.imagesPerSecond,
    etaSeconds: remainingSeconds(throughput, ended === null ? at : { ...at, epoch: at.epochs + 1, step: 0 }),
    done: undefined,
    total: undefined,
  };
}

export type EpochFigures = {
  readonly at: Position;
  readonly sums: EpochSums;
  readonly learningRate: number;
  /** Undefined if the epoch has no validation. */
  readonly validation: Validation | undefined;
  readonly validationSeconds: number;
  readonly memoryMb: number;
};

/** The metrics of a finished epoch. */
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

/**
 * The log line of a finished epoch: `epoch  3/40  loss 0.4312  validation 0.4517  Dice 0.7012 *  rate 3.9e-3  18.2 images/s`. The star
 * marks a new best.
 */
export function epochLine(metrics: EpochMetrics, epochs: number, best: boolean): string {
  const width = String(epochs).length;
  const figure = (value: number | null): string => (value === null ? '     –' : value.toFixed(4));
  return [
    `epoch ${String(metrics.epoch).padStart(width)}/${epochs}`,
    `loss ${figure(metrics.loss)}`,
    `validation ${figure(metrics.validationLoss)}`,
    `Dice ${figure(metrics.dice)}${best ? ' *' : '  '}`,
    `rate ${metrics.learningRate.toExponential(1)}`,
    `${metrics.imagesPerSecond.toFixed(1)} images/s`,
  ].join('  ');
}

/** The error when training produces numbers that are not finite. `lastGood` is the position of the last checkpoint. */
export function diverged(
  what: string,
  { epoch, step }: Pick<Position, 'epoch' | 'step'>,
  learningRate: number,
  lastGood: string,
): CarpalError {
  const where = `epoch ${epoch}, step ${step}, learning rate ${learningRate}`;
  return new CarpalError('non-finite-loss', `${what}; last good checkpoint: ${lastGood}`, { where });
}

export function positionText({ epoch, step }: Pick<Position, 'epoch' | 'step'>): string {
  return step === 0 ? `after epoch ${epoch - 1}` : `in epoch ${epoch} after step ${step}`;
}
