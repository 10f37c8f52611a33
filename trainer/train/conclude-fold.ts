import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE } from '@carpal/configs/names.ts';
import { pauseUntil } from '../infer/pause.ts';
import { viewingOf } from '../infer/views.ts';
import type { Model } from '../models/model.ts';
import { writeWeights } from '../models/weights.ts';
import { openPredictor } from '../step/training-engine.ts';
import { type FoldTraining, stopped } from './fold-training.ts';
import { writeOutOfFold } from './out-of-fold.ts';
import { paceOfImages } from './pace.ts';
import { TruthMasks } from './truth.ts';
import type { ValidationSource } from './validate.ts';

/**
 * What follows the last epoch: the masks that the best weights give the fold's own images, and the mark that it is finished. Done again in full
 * if it was broken off. Throws `stopped-with-checkpoint` when the signal asks, `checkpoint-invalid` without best weights.
 */
export async function concludeFold(training: FoldTraining, model: Model, validation: ValidationSource): Promise<void> {
  const { experiment, checkpoints, key, prepared, store } = training;
  const { record } = checkpoints;
  if (!record?.best)
    throw new CarpalError('checkpoint-invalid', 'the fold has no best checkpoint', { where: `${key}/${FILE.checkpointState}` });
  writeWeights(model, await checkpoints.readWeights(record.best), record.best.file);
  const predictor = openPredictor(model);
  try {
    const { input, inference } = experiment.spec;
    const request = {
      source: validation,
      classNames: prepared.classes,
      prepared,
      network: { predictor, inputSize: input.size, sizeMultiple: model.sizeMultiple },
      truth: new TruthMasks(prepared),
      viewing: viewingOf(inference),
      threshold: inference.threshold,
      pause: pauseUntil(training.signal, () => stopped(training, 'after its last epoch')),
      imageDone: await toldImages(training, validation.samples.length),
    };
    await writeOutOfFold(request, store, {
      csv: `${key}/${FILE.outOfFoldPredictions}`,
      thresholds: `${key}/${FILE.outOfFoldThresholds}`,
      calibration: `${key}/${FILE.outOfFoldCalibration}`,
    });
  } finally {
    predictor.dispose();
  }
  await checkpoints.finish(record);
}

/** Tells that none of so many images is done, and returns what tells of each. */
async function toldImages({ clock, progress }: FoldTraining, total: number): Promise<(done: number) => Promise<void>> {
  const startedMs = clock();
  await progress.write({ done: 0, total });
  return async (done) => {
    const { etaSeconds } = paceOfImages({ done, total, seconds: (clock() - startedMs) / 1000 });
    await progress.update({ done, etaSeconds });
  };
}
