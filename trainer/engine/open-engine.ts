/** Chooses what executes training: the step as one recorded graph, or kernel by kernel. */

import type { Model } from '../models/model.ts';
import { createEagerEvaluator, createEagerPredictor } from './eager-inference.ts';
import { createEagerStep } from './eager-step.ts';
import { createGraphEvaluator, createGraphPredictor } from './graph/graph-inference.ts';
import { createGraphStep } from './graph/graph-step.ts';
import { hasGpu } from './graph/native-binding.ts';
import { NotRecordable } from './graph/not-recordable.ts';
import type { StepMemory } from './graph/step-memory.ts';
import type { NamedArrays } from './named-arrays.ts';
import { type Processor, precisionWarning } from './precision-warning.ts';
import { readProcessorFlags } from './processor-flags.ts';
import { servedWeights } from './served-weights.ts';
import type { Evaluator, Predictor, TrainingStep } from './step.ts';
import type { TrainingSettings } from './training-function.ts';

/** An experiment's `training.engine`. */
export type EngineChoice = 'auto' | 'eager' | 'graph';

/** A step and an evaluator that always sees the step's newest weights. */
export type TrainingEngine = {
  readonly kind: 'eager' | 'graph';
  readonly step: TrainingStep;
  readonly evaluator: Evaluator;
  /** Of a graph: how much memory a step takes with so many images of such a side. */
  foretellMemory?(count: number, size: number): StepMemory;
  dispose(): void;
};

function eagerEngine(settings: TrainingSettings): TrainingEngine {
  const step = createEagerStep(settings);
  const own = createEagerEvaluator(settings);
  const evaluator: Evaluator = { ...own, run: (batch) => step.served(() => own.run(batch)) };
  const dispose = (): void => {
    evaluator.dispose();
    step.dispose();
  };
  return { kind: 'eager', step, evaluator, dispose };
}

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
  return { kind: 'graph', step, evaluator, foretellMemory: graphStep.foretellMemory, dispose };
}

/**
 * `auto` takes the graph where the step can be recorded, and says why where it cannot; of a graph it says what the machine has no instructions
 * for. Throws NotRecordable for `graph` only.
 */
export function openTrainingEngine(
  settings: TrainingSettings,
  choice: EngineChoice,
  warn: (line: string) => void,
  processor: () => Processor = () => ({ hasGpu: hasGpu(), flags: readProcessorFlags() }),
): TrainingEngine {
  if (choice === 'eager') return eagerEngine(settings);
  const { precision = 'float32' } = settings;
  try {
    const engine = graphEngine(settings);
    const warning = precision === 'float32' ? undefined : precisionWarning(precision, processor());
    if (warning !== undefined) warn(warning);
    return engine;
  } catch (error) {
    if (choice === 'graph' || !(error instanceof NotRecordable)) throw error;
    const cost = precision === 'float32' ? 'which is slower' : 'which is slower, and in float32';
    warn(`${error.message}; training runs kernel by kernel instead, ${cost}`);
    return eagerEngine(settings);
  }
}

/** Inference with the model's weights, which stay as they are meanwhile; `auto` goes on eagerly where the forward pass cannot be recorded. */
export function openPredictor(model: Model, choice: EngineChoice): Predictor {
  if (choice === 'eager') return createEagerPredictor(model);
  const graph = createGraphPredictor(model);
  if (choice === 'graph') return graph;
  let current: Predictor = graph;
  return {
    run: (images, count, size) => {
      try {
        return current.run(images, count, size);
      } catch (error) {
        if (!(error instanceof NotRecordable)) throw error;
        current = createEagerPredictor(model);
        return current.run(images, count, size);
      }
    },
    dispose: () => graph.dispose(),
  };
}
