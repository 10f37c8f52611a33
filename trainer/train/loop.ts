import type { CheckpointRecord } from '@carpal/artifacts/checkpoint-record.ts';
import type { ProgressFields } from '@carpal/artifacts/progress.ts';
import type { CarpalError } from '@carpal/configs/errors.ts';
import { openBatches } from '../data/batches.ts';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { firstNotFinite } from '../engine/named-arrays.ts';
import { nextTurn } from '../infer/pause.ts';
import { servedWeights } from '../step/evaluation-weights.ts';
import { EARLY_STOP_START, type EarlyStopState, observeDice } from './early-stop.ts';
import { epochLine } from './epoch-line.ts';
import type { LoopParts } from './loop-parts.ts';
import { PACE_START, type Pace, type Position, paceAfterStep, paceAfterValidation, remainingInValidation, validates } from './pace.ts';
import { diverged, epochMetrics, positionWords, trainingProgress } from './training-figures.ts';
import { type Validation, validate } from './validate.ts';

const NOTHING_RUN = { loss: 0, images: 0, seconds: 0, waitSeconds: 0 };

/**
 * The training of one fold, from wherever its last checkpoint stands to its last epoch. What a step computes depends only on the arrays
 * and the position saved with them, so a run that was stopped or killed ends in the same bits as one that was not.
 */
export class TrainingLoop {
  readonly #parts: LoopParts;
  readonly #stepsPerEpoch: number;
  #epoch = 1;
  #step = 0;
  #running = NOTHING_RUN;
  #ended: CheckpointRecord['ended'] = null;
  #earlyStop: EarlyStopState = EARLY_STOP_START;
  #pace: Pace = PACE_START;
  #savedMs: number;
  #saved = 'none was saved yet';

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#stepsPerEpoch = Math.ceil(parts.trainSamples.length / parts.spec.training.batchSize);
    this.#savedMs = parts.clock();
  }

  /** Goes on from a checkpoint: its record and the arrays of its last weights file. */
  async restore(record: CheckpointRecord, arrays: NamedArrays): Promise<void> {
    this.#epoch = record.epoch;
    this.#step = record.step;
    this.#running = record.running;
    this.#ended = record.ended;
    this.#earlyStop = record.earlyStop;
    this.#saved = positionWords(record);
    this.#parts.schedule.restore(record.schedule);
    this.#parts.step.writeState(arrays);
    await this.#parts.metrics.resumeAt(record.epoch);
  }

  /**
   * Trains until the epochs are done or early stopping ends them; 'stopped' when the signal asked for it, with a checkpoint saved.
   * Throws `non-finite-loss`, after which the last good checkpoint is as it was.
   */
  async run(): Promise<'ended' | 'stopped'> {
    await this.#parts.progress.write(this.#progressFields());
    while (this.#ended === null) {
      const whole = (await this.#trainEpoch()) && (await this.#closeEpoch());
      if (!whole) {
        await this.#save();
        return 'stopped';
      }
    }
    return 'ended';
  }

  /** Whether this process has done a step. */
  get hasStepped(): boolean {
    return this.#pace.stepSeconds !== null;
  }

  /** Where training stands, in words. */
  get position(): string {
    return positionWords(this.#at);
  }

  /** Does what is left of the epoch's steps; false when the signal broke them off. */
  async #trainEpoch(): Promise<boolean> {
    const { spec, clock, signal } = this.#parts;
    if (signal.aborted) return false;
    if (this.#step >= this.#stepsPerEpoch) return true;
    const learningRate = this.#parts.schedule.rateFor(this.#epoch);
    const batches = openBatches({
      prepared: this.#parts.validation.preparedFolder,
      samples: this.#parts.trainSamples,
      batchSize: spec.training.batchSize,
      classes: this.#parts.validation.classes,
      seed: spec.training.seed,
      epoch: this.#epoch,
      startStep: this.#step,
      augmentations: spec.augmentations,
      targets: spec.input.targets,
      shuffle: true,
    });
    try {
      let startedMs = clock();
      let askedMs = startedMs;
      for await (const batch of batches) {
        const waitSeconds = (clock() - askedMs) / 1000;
        const count = batch.samples.length;
        const loss = this.#parts.step.run({ images: batch.images, targets: batch.targets, count, size: spec.input.size }, learningRate);
        this.#step += 1;
        if (!Number.isFinite(loss)) throw this.#diverged(`the training loss is ${loss}`);
        await nextTurn();
        const seconds = (clock() - startedMs) / 1000;
        startedMs = clock();
        const isFirst = this.#pace.stepSeconds === null;
        this.#pace = paceAfterStep(this.#pace, count, seconds);
        const running = this.#running;
        this.#running = {
          loss: running.loss + loss * count,
          images: running.images + count,
          seconds: running.seconds + seconds,
          waitSeconds: running.waitSeconds + waitSeconds,
        };
        await this.#parts.progress[isFirst ? 'write' : 'update'](this.#progressFields());
        if (signal.aborted) return false;
        if (clock() - this.#savedMs >= this.#parts.checkpointEveryMs && this.#step < this.#stepsPerEpoch) await this.#save();
        askedMs = clock();
      }
    } finally {
      await batches.close();
    }
    return true;
  }

  /** Validates, decides what follows, and saves the epoch; false when the signal broke the validation off. */
  async #closeEpoch(): Promise<boolean> {
    const { spec, clock, schedule } = this.#parts;
    const startedMs = clock();
    let validation: Validation | undefined;
    if (validates(this.#epoch, spec.training.epochs, spec.training.validateEvery)) {
      validation = await this.#validate(startedMs);
      if (!validation) return false;
      if (!Number.isFinite(validation.loss)) throw this.#diverged(`the validation loss is ${validation.loss}`);
    }
    const validationSeconds = (clock() - startedMs) / 1000;
    if (validation) this.#pace = paceAfterValidation(this.#pace, validationSeconds);
    const metrics = epochMetrics({
      at: this.#at,
      sums: this.#running,
      learningRate: schedule.rateFor(this.#epoch),
      validation,
      validationSeconds,
      memoryMb: this.#parts.memoryMb(),
    });
    const state = this.#readState();
    const stopEarly = validation ? await this.#observe(validation, state) : false;
    await this.#parts.metrics.add(metrics);
    if (this.#epoch === spec.training.epochs) this.#ended = 'epochs';
    else if (stopEarly) this.#ended = 'early-stopping';
    this.#epoch += 1;
    this.#step = 0;
    this.#running = NOTHING_RUN;
    await this.#save(state);
    const best = this.#parts.checkpoints.best;
    this.#parts.log(epochLine(metrics, spec.training.epochs, best?.epoch === metrics.epoch));
    await this.#parts.progress.write({
      ...this.#progressFields(),
      loss: metrics.loss,
      ...(validation ? { validationLoss: validation.loss, dice: validation.dice } : {}),
    });
    return true;
  }

  /** Undefined when the signal broke it off. */
  async #validate(startedMs: number): Promise<Validation | undefined> {
    const { validation, evaluator, dices, signal, clock, progress } = this.#parts;
    const total = validation.samples.length;
    return validate(validation, evaluator, dices, signal, async (done) => {
      const seconds = (clock() - startedMs) / 1000;
      await progress.update({ done, total, etaSeconds: remainingInValidation(this.#pace, this.#at, { done, total, seconds }) });
    });
  }

  /** Schedule, best checkpoint and early stopping after a validation; true when training is to end. */
  async #observe(validation: Validation, state: NamedArrays): Promise<boolean> {
    const { schedule, checkpoints, spec } = this.#parts;
    schedule.observe(this.#epoch, validation.loss);
    if (checkpoints.best === null || validation.dice > checkpoints.best.dice) {
      await checkpoints.keepBest(servedWeights(state), { epoch: this.#epoch, dice: validation.dice });
    }
    const seen = observeDice(this.#earlyStop, this.#epoch, validation.dice, spec.training.earlyStopping);
    this.#earlyStop = seen.state;
    return seen.stop;
  }

  async #save(state: NamedArrays = this.#readState()): Promise<void> {
    await this.#parts.checkpoints.save(state, {
      prepared: this.#parts.preparedHash,
      finished: false,
      epoch: this.#epoch,
      step: this.#step,
      ended: this.#ended,
      running: this.#running,
      schedule: this.#parts.schedule.state(),
      earlyStop: this.#earlyStop,
    });
    this.#savedMs = this.#parts.clock();
    this.#saved = positionWords(this.#at);
  }

  /** The whole state, once it is sure that no number in it has diverged: a checkpoint is never overwritten with what cannot go on. */
  #readState(): NamedArrays {
    const state = this.#parts.step.readState();
    const astray = firstNotFinite(state);
    if (astray) throw this.#diverged(`${astray.name} is no longer finite`);
    return state;
  }

  get #at(): Position {
    const { epochs, validateEvery } = this.#parts.spec.training;
    const { outOfFoldValidations } = this.#parts;
    return { epoch: this.#epoch, step: this.#step, epochs, stepsPerEpoch: this.#stepsPerEpoch, validateEvery, outOfFoldValidations };
  }

  #progressFields(): ProgressFields {
    const { schedule, checkpoints, spec } = this.#parts;
    const learningRate = schedule.rateFor(Math.min(this.#epoch, spec.training.epochs));
    const { best } = checkpoints;
    return trainingProgress({ at: this.#at, sums: this.#running, pace: this.#pace, best, ended: this.#ended, learningRate });
  }

  #diverged(what: string): CarpalError {
    return diverged(what, this.#at, this.#parts.schedule.rateFor(this.#epoch), this.#saved);
  }
}
