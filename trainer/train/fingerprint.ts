import { createHash } from 'node:crypto';
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';

/**
 * A hash of everything in a manifest that a fold's weights depend on: with the same one and the same data, two folds end in the same weights. The place of the data
 * set is left out (the hash of the prepared set stands for its content), and so is everything about how, where and for whom the experiment runs.
 */
export function trainingFingerprint(spec: ExperimentSpec, fold: number): string {
  const { model, input, augmentations, loss, optimizer, scheduler, training } = spec;
  const learned = { fold, split: spec.dataset.split, classes: spec.dataset.classes, model, input, augmentations, loss, optimizer };
  const run = { scheduler, training, threshold: spec.inference.threshold };
  return createHash('sha256')
    .update(JSON.stringify(sorted({ ...learned, ...run })))
    .digest('hex');
}

/** The same value with the keys of every object in order, so that the order in a file does not matter. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
