/** How much a fold has to do, in steps and validations, and how long that takes at a known pace. */
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';

/** How many images a fold trains on and is measured on. */
export type FoldImages = { readonly fold: number; readonly train: number; readonly validation: number };

/** What a step and the validation of one image take, measured or given. */
export type StepPace = { readonly stepMs: number; readonly validationMsPerImage: number };

export type FoldWork = { readonly steps: number; readonly validations: number; readonly validationImages: number; readonly hours: number };

/** Images dealt out to folds as evenly as can be; as near as one can get without the data set. */
export function evenFolds(images: number, folds: number): readonly FoldImages[] {
  return Array.from({ length: folds }, (_, fold) => {
    const validation = Math.floor(images / folds) + (fold < images % folds ? 1 : 0);
    return { fold, train: images - validation, validation };
  });
}

/** The work of a fold that no early stopping cuts short: the most that it can be. A last batch may be smaller, and counts as a step. */
export function foldWork({ epochs, batchSize, validateEvery }: ExperimentSpec['training'], images: FoldImages, pace: StepPace): FoldWork {
  const steps = epochs * Math.ceil(images.train / batchSize);
  // The last epoch is always validated.
  const validations = Math.floor(epochs / validateEvery) + (epochs % validateEvery === 0 ? 0 : 1);
  const validationImages = validations * images.validation;
  const ms = steps * pace.stepMs + validationImages * pace.validationMsPerImage;
  return { steps, validations, validationImages, hours: ms / 3_600_000 };
}
