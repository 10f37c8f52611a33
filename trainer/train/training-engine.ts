/** What a spec says of the network and of its training, opened: the same for a fold and for a trial of its steps. */
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import { openTrainingEngine, type TrainingEngine } from '../step/training-engine.ts';
import type { Model } from '../models/model.ts';
import { buildModel } from '../models/registry.ts';

/** The spec's network with its first weights. */
export function modelOf({ model: { name, options }, training }: ExperimentSpec, classes: number): Model {
  const { seed, deepSupervision } = training;
  return buildModel({ name, options: { ...options, ...(deepSupervision && { deepSupervision }) }, classes, seed });
}

/** The engine that trains the model as the spec says. Throws as {@link openTrainingEngine} does. */
export function engineOf(spec: ExperimentSpec, model: Model, warn: (line: string) => void): TrainingEngine {
  const { gradientClip, accumulate, precision, seed, headWeights, ema } = spec.training;
  const objective = { losses: spec.loss, optimizer: spec.optimizer, gradientClip, accumulate, headWeights, average: ema };
  return openTrainingEngine({ model, ...objective, precision, seed }, warn);
}
