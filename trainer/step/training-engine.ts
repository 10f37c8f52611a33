/** The training engine of a model: the training step and an evaluator that uses its newest weights. */
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import { hasGpu } from '../engine/graph/native-binding.ts';
import type { StepMemory } from '../engine/graph/step-memory.ts';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { readProcessorFlags } from '../engine/processor.ts';
import type { Model } from '../models/model.ts';
import { encoderRateFactors } from '../models/pretrained/encoder-rates.ts';
import { buildModel } from '../models/registry.ts';
import { evalWeights } from '../objective/weight-average.ts';
import { createEvaluator } from './inference.ts';
import { type Processor, precisionWarning } from './precision-warning.ts';
import type { Evaluator, TrainingStep } from './step.ts';
import type { TrainingSettings } from './training-function.ts';
import { createTrainingStep } from './training-step.ts';

/** A step, and an evaluator that always uses the step's newest weights (of the moving average, if there is one). */
export type TrainingEngine = {
  readonly step: TrainingStep;
  readonly evaluator: Evaluator;
  /** The memory of a step with `count` images of `size`×`size` pixels. */
  estimateMemory(count: number, size: number): StepMemory;
  dispose(): void;
};

/**
 * The engine for these settings. Warns if the machine has no instructions for the precision. Throws `not-recordable` if the step cannot be
 * recorded.
 */
export function openTrainingEngine(
  settings: TrainingSettings,
  warn: (line: string) => void,
  processor: () => Processor = () => ({ hasGpu: hasGpu(), flags: readProcessorFlags() }),
): TrainingEngine {
  const recorded = createTrainingStep(settings);
  const { precision = 'float32' } = settings;
  const warning = precision === 'float32' ? undefined : precisionWarning(precision, processor());
  if (warning !== undefined) warn(warning);
  let version = 0;
  // A validation and the checkpoint after it share one read of the state. The next step discards it.
  let state: NamedArrays | undefined;
  const readState = (): NamedArrays => {
    state ??= recorded.readState();
    return state;
  };
  const changing = (): void => {
    version += 1;
    state = undefined;
  };
  const step: TrainingStep = {
    readState,
    run: (...inputs) => {
      changing();
      return recorded.run(...inputs);
    },
    writeState: (arrays) => {
      changing();
      recorded.writeState(arrays);
    },
    dispose: () => recorded.dispose(),
  };
  const weights = () => ({ version, arrays: () => evalWeights(readState()) });
  const evaluator = createEvaluator(settings.model, settings.losses, weights);
  const dispose = (): void => {
    evaluator.dispose();
    step.dispose();
  };
  return { step, evaluator, estimateMemory: recorded.estimateMemory, dispose };
}

/** The network of a spec, with its initial weights. */
export function modelOf({ model: { name, options }, training }: ExperimentSpec, classes: number): Model {
  const { seed, deepSupervision } = training;
  return buildModel({ name, options: { ...options, ...(deepSupervision && { deepSupervision }) }, classes, seed });
}

/** The engine that trains the model according to the spec. Throws the same errors as {@link openTrainingEngine}. */
export function engineOf(spec: ExperimentSpec, model: Model, warn: (line: string) => void): TrainingEngine {
  const { gradientClip, accumulate, precision, seed, headWeights, ema } = spec.training;
  const rateFactors = encoderRateFactors(
    model.variables.map(({ name }) => name),
    spec.model.pretrained,
  );
  const optimizer = { ...spec.optimizer, rateFactors };
  const objective = { losses: spec.loss, optimizer, gradientClip, accumulate, headWeights, average: ema };
  return openTrainingEngine({ model, ...objective, precision, seed }, warn);
}
