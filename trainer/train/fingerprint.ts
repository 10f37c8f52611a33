import { createHash } from 'node:crypto';
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import { withSortedKeys } from '@carpal/configs/json.ts';

/**
 * A hash of everything in a manifest that a fold's weights depend on: with the same one and the same data, two folds end in the same weights. The place of the data
 * set is left out (the hash of the prepared set stands for its content), and so is everything about how, where and for whom the experiment runs.
 */
export function trainingFingerprint(spec: ExperimentSpec, fold: number): string {
  const { model, input, augmentations, loss, optimizer, scheduler, training } = spec;
  const learned = { fold, split: spec.dataset.split, classes: spec.dataset.classes, model, input, augmentations, loss, optimizer };
  const run = { scheduler, training, threshold: spec.inference.threshold };
  return createHash('sha256')
    .update(JSON.stringify(withSortedKeys({ ...learned, ...run })))
    .digest('hex');
}
