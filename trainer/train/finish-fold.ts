/** The end of a fold, after its last epoch. */
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE } from '@carpal/configs/names.ts';
import { pauseUntil } from '../infer/pause.ts';
import { detailSizeOf, viewingOf } from '../infer/views.ts';
import { checkViewsFit } from '../memory/check-memory.ts';
import type { Model } from '../models/model.ts';
import { writeWeights } from '../models/weights.ts';
import { createPredictor } from '../step/inference.ts';
import { deadClasses, deadClassWarning } from './dead-classes.ts';
import { type FoldTraining, stopped } from './fold-training.ts';
import { writeOutOfFold } from './out-of-fold.ts';
import { imageThroughput } from './throughput.ts';
import type { ValidationSource } from './validate.ts';

/**
 * Finishes a fold after its last epoch: writes its out-of-fold files with the best weights and marks the fold as finished. If it is
 * interrupted, it starts over. If inference has changed so much that this stage cannot predict, the ensemble stage does it. Throws
 * `stopped-with-checkpoint` if the signal aborts, and `checkpoint-invalid` without best weights.
 */
export async function finishFold(training: FoldTraining, model: Model, validation: ValidationSource): Promise<void> {
  const { checkpoints, key, fold, log } = training;
  const { record } = checkpoints;
  if (!record?.best)
    throw new CarpalError('checkpoint-invalid', 'the fold has no best checkpoint', { where: `${key}/${FILE.checkpointState}` });
  const obstacle = obstacleOf(training);
  if (obstacle === undefined) {
    writeWeights(model, await checkpoints.readWeights(record.best), record.best.file);
    await predictImages(training, model, validation);
  } else {
    log(`the ensemble stage will predict the images of fold ${fold}, because inference or the memory has changed: ${obstacle.message}`);
  }
  await checkpoints.finish(record);
}

/** Why this process cannot use the inference of the manifest, which was another one when the data set was prepared or the fold began. */
function obstacleOf({ experiment: { spec }, prepared, memoryLimit }: FoldTraining): CarpalError | undefined {
  try {
    prepared.checkSize(detailSizeOf(viewingOf(spec), prepared.size) ?? prepared.size);
    checkViewsFit(spec, prepared.classes.length, memoryLimit);
    return undefined;
  } catch (error) {
    if (error instanceof CarpalError) return error;
    throw error;
  }
}

async function predictImages(training: FoldTraining, model: Model, validation: ValidationSource): Promise<void> {
  const { experiment, prepared, store, key, progress, log } = training;
  const { input, inference } = experiment.spec;
  const predictor = createPredictor(model);
  try {
    const request = {
      samples: validation.samples,
      prepared,
      network: { predictor, inputSize: input.size, imageSize: prepared.size, sizeMultiple: model.sizeMultiple },
      viewing: viewingOf(experiment.spec),
      threshold: inference.threshold,
      pause: pauseUntil(training.signal, () => stopped(training, 'after its last epoch'), progress.beat),
      imageDone: await reportImages(training, validation.samples.length),
    };
    const figures = await writeOutOfFold(request, store, key);
    const warning = deadClassWarning(deadClasses(prepared.classes, figures));
    if (warning === undefined) return;
    progress.warn(warning);
    log(`warning: ${warning}`);
  } finally {
    predictor.dispose();
  }
}

/** Reports that no image is done yet, and returns the function that reports each further image. */
async function reportImages({ clock, progress }: FoldTraining, total: number): Promise<(done: number) => Promise<void>> {
  const startedMs = clock();
  await progress.write({ done: 0, total });
  return async (done) => {
    const { etaSeconds } = imageThroughput({ done, total, seconds: (clock() - startedMs) / 1000 });
    await progress.update({ done, etaSeconds });
  };
}
