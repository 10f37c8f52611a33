import type { CheckpointRecord } from '@carpal/artifacts/checkpoint-record.ts';
import { MetricsLog } from '@carpal/artifacts/metrics.ts';
import type { ProgressFields } from '@carpal/artifacts/progress.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE } from '@carpal/configs/names.ts';
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import { sheetSizeOf } from '@carpal/configs/schema/options.ts';
import { pixelsPerImage, viewingOf } from '../infer/views.ts';
import { isAllocationFailure } from '../memory/allocation-failure.ts';
import { checkFit } from '../memory/check-fit.ts';
import { checkViews } from '../memory/check-views.ts';
import { runTrial } from '../memory/run-trial.ts';
import { memoryTooSmall } from '../memory/too-large.ts';
import type { TrialOutcome, TrialRequest } from '../memory/trial.ts';
import type { Model } from '../models/model.ts';
import { loadEncoder } from '../models/pretrained/load-encoder.ts';
import { createSchedule } from '../objective/schedules.ts';
import { checkSize } from '../step/device-batch.ts';
import type { TrainingEngine } from '../step/training-engine.ts';
import { concludeFold } from './conclude-fold.ts';
import { DiceThread } from './dice-thread.ts';
import { type FoldSamples, splitFold } from './fold-data.ts';
import { type FoldTraining, stopped } from './fold-training.ts';
import { TrainingLoop } from './loop.ts';
import { PACE_START } from './pace.ts';
import { readPretrained } from './read-pretrained.ts';
import { engineOf, modelOf } from './training-engine.ts';
import { trainingProgress } from './training-figures.ts';
import type { ValidationSource } from './validate.ts';
import { weightsMetadata } from './weights-metadata.ts';

/**
 * Trains the fold to its end, writes its out-of-fold files and marks it finished. Throws `stopped-with-checkpoint` when the signal asks,
 * `checkpoint-invalid` for a checkpoint that does not fit, and what the loop throws.
 */
export async function trainFold(training: FoldTraining): Promise<void> {
  const { experiment, fold, prepared, checkpoints, log } = training;
  const { spec } = experiment;
  checkPrepared(training);
  const samples = splitFold(prepared, spec.dataset.split, fold);
  const classes = prepared.classes.length;
  const { pretrained } = spec.model;
  const model = modelOf(spec, classes);
  try {
    checkSize(model, spec.input.size);
    checkpoints.describeWeights(weightsMetadata(experiment, model, prepared.classes));
    log(opening(training, samples, model));
    if (pretrained && !training.record) {
      loadEncoder(model, await readPretrained(pretrained.uri), pretrained.uri);
      log(`the encoder begins with the weights of ${pretrained.uri}`);
    }
    const validation = validationSource(training, samples);
    // What training works with takes long to open, and a fold that was stopped among its last masks needs none of it.
    if (training.record?.ended) {
      checkViews(spec, classes, 1, training.memoryLimit);
      await training.progress.write(trainedProgress(training, training.record, samples));
    } else await learn(training, samples, model, validation);
    await concludeFold(training, model, validation);
  } finally {
    model.dispose();
  }
  const { best } = checkpoints;
  await training.progress.write({ state: 'finished', etaSeconds: 0 });
  log(`fold ${fold} finished: best Dice ${best?.dice.toFixed(4)} in epoch ${best?.epoch}`);
}

async function learn(training: FoldTraining, samples: FoldSamples, model: Model, validation: ValidationSource): Promise<void> {
  const { experiment, checkpoints, record, store } = training;
  const { spec } = experiment;
  const { epochs } = spec.training;
  const engine = engineOf(spec, model, training.log);
  const dices = new DiceThread({ ...validation, threshold: spec.inference.threshold });
  let loop: TrainingLoop | undefined;
  try {
    if (!hasStepped(record)) await checkBeforeFirstStep(training, model, engine);
    // Known now rather than after the last epoch; where not even a step fits, that is what is to be said.
    checkViews(spec, model.classes, 1, training.memoryLimit);
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

/** Progress of a fold that another process has trained to its end. */
function trainedProgress({ experiment: { spec } }: FoldTraining, record: CheckpointRecord, { train }: FoldSamples): ProgressFields {
  const { epochs, batchSize, validateEvery } = spec.training;
  const { epoch, step, ended, best, running: sums } = record;
  const stepsPerEpoch = Math.ceil(train.length / batchSize);
  const at = { epoch, step, epochs, stepsPerEpoch, validateEvery, outOfFoldValidations: 0 };
  return trainingProgress({ at, sums, ended, best, pace: PACE_START });
}

/** A validation shows the network each image once, at the size that it trains at; out-of-fold masks take all views and windows. */
function outOfFoldValidations({ input: { size }, inference }: ExperimentSpec, { sizeMultiple }: Model): number {
  return pixelsPerImage({ inputSize: size, sizeMultiple }, viewingOf(inference)) / size ** 2;
}

/** Whether a step was done before the checkpoint: a fold that was stopped at once has one too. */
function hasStepped(record: CheckpointRecord | undefined): boolean {
  return record !== undefined && (record.epoch > 1 || record.step > 0);
}

/** Throws `memory-too-small` where a step would not fit. */
async function checkBeforeFirstStep(
  { experiment, memoryLimit, signal, log }: FoldTraining,
  model: Model,
  engine: TrainingEngine,
): Promise<void> {
  const trial = (request: TrialRequest, limitMb: number): Promise<TrialOutcome> => runTrial(request, { limitMb, signal });
  await checkFit({ spec: experiment.spec, model, engine, limit: memoryLimit, trial, log });
}

/** What fitted once may fit again; what never did will not. */
function outOfMemory({ experiment: { spec }, memoryLimit }: FoldTraining, hasFitted: boolean, cause: unknown): CarpalError {
  if (hasFitted) return new CarpalError('out-of-memory', 'there was no memory for a step that had fitted before', { cause });
  const { input, training, model } = spec;
  const limit = { limitMb: memoryLimit.bytes / 2 ** 20, from: `of ${memoryLimit.from}` };
  return memoryTooSmall({ network: model.name, size: input.size, batchSize: training.batchSize, ...limit }, cause);
}

function validationSource({ experiment, prepared }: FoldTraining, samples: FoldSamples): ValidationSource {
  const { training } = experiment.spec;
  return {
    preparedFolder: prepared.folder,
    samples: samples.validation,
    classes: prepared.classes.length,
    size: prepared.size,
    batchSize: training.batchSize,
    seed: training.seed,
    targets: experiment.spec.input.targets,
  };
}

/** The prepared set is the one that the manifest and the checkpoint mean. */
function checkPrepared({ experiment: { spec }, prepared, record, key }: FoldTraining): void {
  if (prepared.size !== spec.input.size) {
    throw new CarpalError(
      'artifact-missing',
      `the data set was prepared at ${prepared.size} pixels, the manifest wants ${spec.input.size}`,
      {
        where: 'spec.input.size',
        fix: 'Run carpal prepare again with this manifest.',
      },
    );
  }
  const { window } = spec.inference;
  // Known now rather than after the last epoch.
  if (window) prepared.checkSize(sheetSizeOf(window));
  if (record && record.prepared !== prepared.hash) {
    throw new CarpalError('checkpoint-invalid', `the checkpoint was made on the prepared set ${record.prepared}, not on ${prepared.hash}`, {
      where: `${key}/${FILE.checkpointState}`,
    });
  }
}

function opening({ fold, record }: FoldTraining, { train, validation }: FoldSamples, model: Model): string {
  const parameters = model.parameterCount.toLocaleString('en');
  const where = record?.ended ? 'after the last epoch' : `in epoch ${record?.epoch} after step ${record?.step}`;
  const from = record ? `; goes on ${where}` : '';
  return `fold ${fold}: ${model.name} with ${parameters} parameters, ${train.length} images to train on, ${validation.length} to validate${from}`;
}
