import type { CheckpointRecord } from '@carpal/artifacts/checkpoint-record.ts';
import type { ProgressFields } from '@carpal/artifacts/progress.ts';
import type { CarpalError } from '@carpal/configs/errors.ts';
import { type Batches, openBatches } from '../data/batches.ts';
import { firstNotFinite, type NamedArrays } from '../engine/named-arrays.ts';
import { nextTurn } from '../infer/pause.ts';
import { evalWeights } from '../objective/weight-average.ts';
import { EARLY_STOP_START, type EarlyStopState, observeDice } from './early-stop.ts';
import type { LoopParts } from './fold-training.ts';
import {
  INITIAL_THROUGHPUT,
  type Position,
  remainingInValidation,
  type Throughput,
  throughputAfterStep,
  throughputAfterValidation,
  validates,
} from './throughput.ts';
import {
  addStep,
  diverged,
  EMPTY_SUMS,
  type EpochSums,
  epochLine,
  epochMetrics,
  positionText,
  type StepDone,
  trainingProgress,
} from './training-report.ts';
import { type Validation, validate } from './validate.ts';

/**
 * The training of one fold, from its last checkpoint to its last epoch. A step depends only on the arrays and the position in the
 * checkpoint, so a fold that was stopped or killed ends with the same bits as an uninterrupted one.
 */
export class TrainingLoop {
  readonly #parts: LoopParts;
  readonly #stepsPerEpoch: number;
  #epoch = 1;
  #step = 0;
  #sums: EpochSums = EMPTY_SUMS;
  #ended: CheckpointRecord['ended'] = null;
  #earlyStop: EarlyStopState = EARLY_STOP_START;
  #throughput: Throughput = INITIAL_THROUGHPUT;
  #savedMs: number;
  #savedAt = 'none was saved yet';

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#stepsPerEpoch = Math.ceil(parts.trainSamples.length / parts.spec.training.batchSize);
    this.#savedMs = parts.clock();
  }

  /** Resumes from a checkpoint: its record and the arrays of its last weights file. */
  async restore(record: CheckpointRecord, arrays: NamedArrays): Promise<void> {
    this.#epoch = record.epoch;
    this.#step = record.step;
    this.#sums = record.running;
    this.#ended = record.ended;
    this.#earlyStop = record.earlyStop;
    this.#savedAt = positionText(record);
    this.#parts.schedule.restore(record.schedule);
    this.#parts.step.writeState(arrays);
    await this.#parts.metrics.resumeAt(record.epoch);
  }

  /**
   * Trains until all epochs are done or early stopping ends them. Returns 'stopped', with a checkpoint saved, if the signal aborts. Throws
   * `non-finite-loss` and leaves the last good checkpoint unchanged.
   */
  async run(): Promise<'ended' | 'stopped'> {
    await this.#parts.progress.write(this.#progressFields());
    while (this.#ended === null) {
      const isComplete = (await this.#trainSteps()) && (await this.#finishEpoch());
      if (!isComplete) {
        await this.#save();
        return 'stopped';
      }
    }
    return 'ended';
  }

  /** Whether this process has done a step. */
  get hasStepped(): boolean {
    return this.#throughput.stepSeconds !== null;
  }

  /** The current position as text. */
  get position(): string {
    return positionText(this.#at);
  }

  /** Runs the remaining steps of the epoch. Returns false if the signal aborts. */
  async #trainSteps(): Promise<boolean> {
    const { spec, clock, signal, step, schedule } = this.#parts;
    if (signal.aborted) return false;
    if (this.#step >= this.#stepsPerEpoch) return true;
    const learningRate = schedule.rateFor(this.#epoch);
    const isFrozen = this.#epoch <= (spec.model.pretrained?.frozenEpochs ?? 0);
    const batches = this.#openBatches();
    try {
      let startedMs = clock();
      let requestedMs = startedMs;
      for await (const batch of batches) {
        const waitSeconds = (clock() - requestedMs) / 1000;
        const count = batch.samples.length;
        const given = { images: batch.images, targets: batch.targets, count, size: spec.input.size };
        const loss = step.run(given, learningRate, isFrozen ? 0 : learningRate);
        this.#step += 1;
        if (!Number.isFinite(loss)) throw this.#diverged(`the training loss is ${loss}`);
        await nextTurn();
        const seconds = (clock() - startedMs) / 1000;
        startedMs = clock();
        await this.#recordStep({ loss, count, seconds, waitSeconds });
        if (signal.aborted) return false;
        if (clock() - this.#savedMs >= this.#parts.checkpointEveryMs && this.#step < this.#stepsPerEpoch) await this.#save();
        requestedMs = clock();
      }
    } finally {
      await batches.close();
    }
    return true;
  }

  #openBatches(): Batches {
    const { spec, validation, trainSamples } = this.#parts;
    const { crop } = spec.input;
    return openBatches({
      prepared: validation.preparedFolder,
      samples: trainSamples,
      batchSize: spec.training.batchSize,
      classes: validation.classes,
      seed: spec.training.seed,
      epoch: this.#epoch,
      startStep: this.#step,
      augmentations: spec.augmentations,
      targets: spec.input.targets,
      shuffle: true,
      ...(crop && { parts: { kind: 'crop', size: crop.size, sampling: crop.sampling } }),
    });
  }

  async #recordStep(done: StepDone): Promise<void> {
    const isFirst = !this.hasStepped;
    this.#throughput = throughputAfterStep(this.#throughput, done.count, done.seconds);
    this.#sums = addStep(this.#sums, done);
    await this.#parts.progress[isFirst ? 'write' : 'update'](this.#progressFields());
  }

  /** Validates if the epoch has a validation, decides whether training ends, saves and reports. Returns false if the signal aborts. */
  async #finishEpoch(): Promise<boolean> {
    const { spec, clock, schedule, metrics, checkpoints, log, progress } = this.#parts;
    const { epochs, validateEvery } = spec.training;
    const startedMs = clock();
    let validation: Validation | undefined;
    if (validates(this.#epoch, epochs, validateEvery)) {
      validation = await this.#validate(startedMs);
      if (!validation) return false;
      if (!Number.isFinite(validation.loss)) throw this.#diverged(`the validation loss is ${validation.loss}`);
    }
    const validationSeconds = (clock() - startedMs) / 1000;
    if (validation) this.#throughput = throughputAfterValidation(this.#throughput, validationSeconds);
    const learningRate = schedule.rateFor(this.#epoch);
    const memoryMb = this.#parts.memoryMb();
    const line = epochMetrics({ at: this.#at, sums: this.#sums, learningRate, validation, validationSeconds, memoryMb });

    const state = this.#readState();
    const stopsEarly = validation ? await this.#learnFrom(validation, state) : false;
    await metrics.add(line);
    if (this.#epoch === epochs) this.#ended = 'epochs';
    else if (stopsEarly) this.#ended = 'early-stopping';
    this.#epoch += 1;
    this.#step = 0;
    this.#sums = EMPTY_SUMS;
    await this.#save(state);

    log(epochLine(line, epochs, checkpoints.best?.epoch === line.epoch));
    const validated = validation ? { validationLoss: validation.loss, dice: validation.dice } : {};
    await progress.write({ ...this.#progressFields(), loss: line.loss, ...validated });
    return true;
  }

  /** Undefined if the signal aborts. */
  async #validate(startedMs: number): Promise<Validation | undefined> {
    const { validation, evaluator, dices, signal, clock, progress } = this.#parts;
    const total = validation.samples.length;
    const imageDone = async (done: number): Promise<void> => {
      const seconds = (clock() - startedMs) / 1000;
      await progress.update({ done, total, etaSeconds: remainingInValidation(this.#throughput, this.#at, { done, total, seconds }) });
    };
    return validate(validation, evaluator, dices, signal, { imageDone, advanced: progress.beat });
  }

  /** Updates the schedule, the best checkpoint and early stopping after a validation. Returns whether training must end early. */
  async #learnFrom(validation: Validation, state: NamedArrays): Promise<boolean> {
    const { schedule, checkpoints, spec } = this.#parts;
    schedule.observe(this.#epoch, validation.loss);
    if (checkpoints.best === null || validation.dice > checkpoints.best.dice) {
      await checkpoints.keepBest(evalWeights(state), { epoch: this.#epoch, dice: validation.dice });
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
      running: this.#sums,
      schedule: this.#parts.schedule.state(),
      earlyStop: this.#earlyStop,
    });
    this.#savedMs = this.#parts.clock();
    this.#savedAt = positionText(this.#at);
  }

  /** The whole state. Throws if a value is not finite, so that a good checkpoint is never replaced by one that cannot resume. */
  #readState(): NamedArrays {
    const state = this.#parts.step.readState();
    const notFinite = firstNotFinite(state);
    if (notFinite) throw this.#diverged(`${notFinite.name} is no longer finite`);
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
    return trainingProgress({ at: this.#at, sums: this.#sums, throughput: this.#throughput, best, ended: this.#ended, learningRate });
  }

  #diverged(what: string): CarpalError {
    return diverged(what, this.#at, this.#parts.schedule.rateFor(this.#epoch), this.#savedAt);
  }
}
