/** What trains a model and what predicts with it: recorded graphs. */

import type { Model } from '../models/model.ts';
import { createGraphEvaluator, createGraphPredictor } from './graph/graph-inference.ts';
import { createGraphStep } from './graph/graph-step.ts';
import { hasGpu } from './graph/native-binding.ts';
import type { StepMemory } from './graph/step-memory.ts';
import type { NamedArrays } from './named-arrays.ts';
import { type Processor, precisionWarning } from './precision-warning.ts';
import { readProcessorFlags } from './processor-flags.ts';
import { servedWeights } from './served-weights.ts';
import type { Evaluator, Predictor, TrainingStep } from './step.ts';
import type { TrainingSettings } from './training-function.ts';

/** A step and an evaluator that always sees the step's newest weights. */
export type TrainingEngine = {
  readonly step: TrainingStep;
  readonly evaluator: Evaluator;
  /** How much memory a step takes with `count` images of `size`×`size` pixels. */
  foretellMemory(count: number, size: number): StepMemory;
  dispose(): void;
};

function graphEngine(settings: TrainingSettings): TrainingEngine {
  const graphStep = createGraphStep(settings);
  let version = 0;
  // Read once for a validation and for the checkpoint behind it; no step is done while it is held.
  let state: NamedArrays | undefined;
  const readState = (): NamedArrays => {
    state ??= graphStep.readState();
    return state;
  };
  const changing = (): void => {
    version += 1;
    state = undefined;
  };
  const step: TrainingStep = {
    ...graphStep,
    readState,
    run: (batch, learningRate) => {
      changing();
      return graphStep.run(batch, learningRate);
    },
    writeState: (arrays) => {
      changing();
      graphStep.writeState(arrays);
    },
  };
  const weights = () => ({ version, arrays: () => servedWeights(readState()) });
  const evaluator = createGraphEvaluator(settings.model, settings.losses, weights);
  const dispose = (): void => {
    evaluator.dispose();
    step.dispose();
  };
  return { step, evaluator, foretellMemory: graphStep.foretellMemory, dispose };
}

/**
 * The engine for these settings. Warns when the machine has no instructions for the precision. Throws `not-recordable` when the step cannot be
 * recorded.
 */
export function openTrainingEngine(
  settings: TrainingSettings,
  warn: (line: string) => void,
  processor: () => Processor = () => ({ hasGpu: hasGpu(), flags: readProcessorFlags() }),
): TrainingEngine {
  const { precision = 'float32' } = settings;
  const engine = graphEngine(settings);
  const warning = precision === 'float32' ? undefined : precisionWarning(precision, processor());
  if (warning !== undefined) warn(warning);
  return engine;
}

/** Inference with the model's weights, which must not change meanwhile. Throws `not-recordable` when the forward pass cannot be recorded. */
export function openPredictor(model: Model): Predictor {
  return createGraphPredictor(model);
}
