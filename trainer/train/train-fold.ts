import { basename, dirname } from 'node:path';
import type { CheckpointRecord } from '@carpal/artifacts/checkpoint-record.ts';
import { MetricsLog } from '@carpal/artifacts/metrics.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import type { ProgressFields } from '@carpal/artifacts/progress.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE } from '@carpal/configs/names.ts';
import type { ExperimentSpec, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { trainingScale } from '@carpal/configs/schema/options.ts';
import { pixelsPerImage, viewingOf } from '../infer/views.ts';
import { checkEnsembleFits, checkStepFits, checkValidationFits, checkViewsFit } from '../memory/check-memory.ts';
import { memoryTooSmall, sizeFieldOf } from '../memory/memory-too-small.ts';
import { isAllocationFailure } from '../memory/process-memory.ts';
import { runTrial, type TrialOutcome, type TrialRequest } from '../memory/trial.ts';
import type { Model } from '../models/model.ts';
import { loadEncoder } from '../models/pretrained/load-encoder.ts';
import { createSchedule } from '../objective/schedules.ts';
import { checkSize } from '../step/batch.ts';
import { engineOf, modelOf, type TrainingEngine } from '../step/training-engine.ts';
import { DiceThread } from './dice-thread.ts';
import { engineWarning, withEngine } from './engine-changes.ts';
import { finishFold } from './finish-fold.ts';
import { type FoldSamples, type FoldTraining, splitFold, stopped, validationSource } from './fold-training.ts';
import { TrainingLoop } from './loop.ts';
import { INITIAL_THROUGHPUT } from './throughput.ts';
import { trainingProgress } from './training-report.ts';
import { VALIDATION_THRESHOLD, type ValidationSource } from './validate.ts';

/**
 * Trains the fold to its end, writes its out-of-fold files and marks it as finished. Throws `stopped-with-checkpoint` if the signal aborts,
 * `checkpoint-invalid` for a checkpoint of another prepared set, `memory-too-small` or `out-of-memory` if memory is not sufficient, and the
 * errors of the training loop.
 */
export async function trainFold(training: FoldTraining): Promise<void> {
  const { experiment, fold, prepared, record, checkpoints, progress, log } = training;
  const { spec } = experiment;
  checkPrepared(training);
  const samples = splitFold(prepared, spec.dataset.split, fold);
  const model = modelOf(spec, prepared.classes.length);
  try {
    checkSize(model, spec.input.size);
    checkpoints.describeWeights(weightsMetadata(experiment, model, prepared.classes));
    log(openingLine(training, samples, model));
    if (!record) await loadPretrained(training, model);
    progress.beat();
    const validation = validationSource(spec, prepared, samples.validation);
    if (record?.ended) {
      // All epochs are done and only the out-of-fold files are missing, so the training engine, which is slow to open, is not needed.
      await progress.write(trainedProgress(training, record, samples));
    } else {
      await trainEpochs(training, samples, model, validation);
    }
    await finishFold(training, model, validation);
  } finally {
    model.dispose();
  }
  const { best } = checkpoints;
  await progress.write({ state: 'finished', etaSeconds: 0 });
  log(`fold ${fold} finished: best Dice ${best?.dice.toFixed(4)} in epoch ${best?.epoch}`);
}

/** Checks that everything fits into memory, then runs the training loop from the last checkpoint to the last epoch. */
async function trainEpochs(training: FoldTraining, samples: FoldSamples, model: Model, validation: ValidationSource): Promise<void> {
  const { experiment, checkpoints, record, store, progress } = training;
  const { spec } = experiment;
  const { epochs } = spec.training;
  recordEngine(training);
  const engine = engineOf(spec, model, training.log);
  progress.beat();
  const dices = new DiceThread({ ...validation, threshold: VALIDATION_THRESHOLD });
  let loop: TrainingLoop | undefined;
  try {
    if (!hasStepped(record)) await checkFirstStep(training, model, engine);
    // Checked now, not after the last epoch. The training step comes first, because its error is the more important one. A fold that has
    // begun goes on, whatever inference and ensemble are changed to.
    if (!record) {
      checkValidationFits(spec, model.classes, training.memoryLimit);
      checkViewsFit(spec, model.classes, training.memoryLimit);
      checkEnsembleFits(spec, model.classes, training.ensembleLimit);
    }
    loop = new TrainingLoop({
      ...training,
      spec,
      preparedHash: training.prepared.hash,
      trainSamples: samples.train,
      validation,
      dices,
      step: engine.step,
      evaluator: engine.evaluator,
      schedule: createSchedule({ ...spec.scheduler, learningRate: spec.optimizer.learningRate, epochs }),
      metrics: new MetricsLog(store, `${training.key}/${FILE.metrics}`),
      outOfFoldValidations: outOfFoldValidations(spec, model),
      memoryMb: () => Math.round(process.memoryUsage.rss() / 2 ** 20),
    });
    if (record) await loop.restore(record, await checkpoints.readWeights(record.last));
    const end = await loop.run();
    if (end === 'stopped') throw stopped(training, loop.position);
  } catch (error) {
    throw isAllocationFailure(error) ? outOfMemory(training, loop?.hasStepped || hasStepped(record), error) : error;
  } finally {
    await dices.close();
    engine.dispose();
  }
}

/**
 * Records the engine of this process with the next checkpoint. If another engine did steps before, warns: in the log when that is new, and in
 * the progress of every attempt from then on.
 */
function recordEngine({ record, checkpoints, engine, progress, log }: FoldTraining): void {
  const before = hasStepped(record) ? (record?.engines ?? []) : [];
  const engines = withEngine(before, engine);
  checkpoints.describeEngines(engines);
  const warning = engineWarning(engines);
  if (warning === undefined) return;
  progress.warn(warning);
  if (engines !== before) log(`warning: ${warning}`);
}

/** Checks that the prepared set has the training size of the manifest and is the one that the checkpoint was trained on. */
function checkPrepared({ experiment: { spec }, prepared, record, key }: FoldTraining): void {
  const scale = trainingScale(spec.input);
  if (prepared.size !== scale) {
    throw new CarpalError('artifact-missing', `the data set was prepared at ${prepared.size} px, but the manifest has ${scale} px`, {
      where: spec.input.crop ? 'spec.input.crop.imageSize' : 'spec.input.size',
      fix: 'Run carpal prepare again with this manifest.',
    });
  }
  if (record && record.prepared !== prepared.hash) {
    throw new CarpalError(
      'checkpoint-invalid',
      `the checkpoint was trained on the prepared set ${record.prepared}, but the current one is ${prepared.hash}`,
      { where: `${key}/${FILE.checkpointState}` },
    );
  }
}

/** The metadata of the fold's weights files, which makes them usable without the experiment. */
function weightsMetadata({ metadata, spec }: SegmentationExperiment, model: Model, classNames: readonly string[]): Record<string, string> {
  return {
    model: model.name,
    options: JSON.stringify(model.options),
    classes: JSON.stringify(classNames),
    inputSize: String(spec.input.size),
    imageSize: String(trainingScale(spec.input)),
    normalize: spec.input.normalize,
    experiment: `${metadata.namespace}/${metadata.name}`,
  };
}

function openingLine({ fold, record }: FoldTraining, { train, validation }: FoldSamples, model: Model): string {
  const parameters = model.parameterCount.toLocaleString('en');
  const where = record?.ended ? 'after the last epoch' : `in epoch ${record?.epoch} after step ${record?.step}`;
  const from = record ? `; resuming ${where}` : '';
  return `fold ${fold}: ${model.name} with ${parameters} parameters, training on ${train.length} images, validating on ${validation.length}${from}`;
}

/** Loads the encoder weights that the manifest names, if any. */
async function loadPretrained({ experiment: { spec }, log, progress }: FoldTraining, model: Model): Promise<void> {
  const { pretrained } = spec.model;
  if (!pretrained) return;
  loadEncoder(model, await readPretrained(pretrained.uri, progress.beat), pretrained.uri);
  const frozen = pretrained.frozenEpochs > 0 ? `, which do not change until epoch ${pretrained.frozenEpochs + 1}` : '';
  log(`the encoder starts from the weights of ${pretrained.uri}${frozen}`);
}

/**
 * The bytes of the file at model.pretrained.uri: a path (relative to the current folder), `file:///path` or `s3://bucket/key`. Throws
 * `weights-invalid` if the file does not exist, and what the store throws. `onTransfer` is called whenever a part has arrived.
 */
async function readPretrained(uri: string, onTransfer: () => void): Promise<Uint8Array> {
  try {
    const store = openStore(dirname(uri));
    store.onTransfer(onTransfer);
    return await store.read(basename(uri));
  } catch (error) {
    if (!(error instanceof CarpalError && error.code === 'artifact-missing')) throw error;
    const fix = 'Set model.pretrained.uri to the path or the s3:// URI of a safetensors file.';
    throw new CarpalError('weights-invalid', 'the file does not exist', { where: uri, fix, cause: error });
  }
}

/** Progress of a fold whose epochs were all trained by an earlier process. */
function trainedProgress({ experiment: { spec } }: FoldTraining, record: CheckpointRecord, { train }: FoldSamples): ProgressFields {
  const { epochs, batchSize, validateEvery } = spec.training;
  const { epoch, step, ended, best, running: sums } = record;
  const stepsPerEpoch = Math.ceil(train.length / batchSize);
  const at = { epoch, step, epochs, stepsPerEpoch, validateEvery, outOfFoldValidations: 0 };
  return trainingProgress({ at, sums, ended, best, throughput: INITIAL_THROUGHPUT });
}

/** A validation processes each image once, or the windows that cover it. Out-of-fold masks use all views and windows. */
function outOfFoldValidations(spec: ExperimentSpec, { sizeMultiple }: Model): number {
  const sight = { inputSize: spec.input.size, imageSize: trainingScale(spec.input), sizeMultiple };
  const viewing = viewingOf(spec);
  return pixelsPerImage(sight, viewing) / pixelsPerImage(sight, { views: ['identity'], degrees: 0, scale: 0 });
}

/** Whether a step was done before the checkpoint. A fold that is stopped immediately saves a checkpoint without any step. */
function hasStepped(record: CheckpointRecord | undefined): boolean {
  return record !== undefined && (record.epoch > 1 || record.step > 0);
}

/** Throws `memory-too-small` if a step does not fit. */
async function checkFirstStep(training: FoldTraining, model: Model, engine: TrainingEngine): Promise<void> {
  const { experiment, memoryLimit, signal, log, progress } = training;
  const trial = (request: TrialRequest, limitMb: number): Promise<TrialOutcome> =>
    runTrial(request, { limitMb, signal, onAdvance: progress.beat });
  await checkStepFits({ spec: experiment.spec, model, engine, limit: memoryLimit, trial, log });
}

/** `out-of-memory`, which is retried, if a step has fitted before. Otherwise `memory-too-small`, which is final. */
function outOfMemory({ experiment: { spec }, memoryLimit }: FoldTraining, hasFitted: boolean, cause: unknown): CarpalError {
  if (hasFitted) return new CarpalError('out-of-memory', 'memory ran out in a step that had fitted before', { cause });
  const { input, training, model } = spec;
  const limit = { limitMb: memoryLimit.bytes / 2 ** 20, from: memoryLimit.from };
  const step = { network: model.name, size: input.size, sizeField: sizeFieldOf(input), batchSize: training.batchSize };
  return memoryTooSmall({ ...step, ...limit }, cause);
}
