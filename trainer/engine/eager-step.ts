import { batchTensors } from './device-batch.ts';
import { createEagerEvaluator } from './eager-inference.ts';
import type { NamedArrays } from './named-arrays.ts';
import type { Evaluator, TrainingStep } from './step.ts';
import { StepSeed } from './step-seed.ts';
import { tf } from './tensorflow.ts';
import { createTrainingFunction, type TrainingSettings } from './training-function.ts';
import { readVariables, writeVariables } from './variable-arrays.ts';
import { WaitingBatches } from './waiting-batches.ts';

/** An eager step, and what its average of weights stands in for the model's own. */
export type EagerStep = TrainingStep & {
  /** What `work` returns with the weights that validate and predict in the model. */
  served<Result>(work: () => Result): Result;
};

/**
 * A training step that TensorFlow executes kernel by kernel as tfjs calls them. The same state and the same batches give the same bits on one
 * machine. Nothing but variables outlives a step, and the loss is the only thing read back.
 */
export function createEagerStep(settings: TrainingSettings): EagerStep {
  const { model, accumulate = 1 } = settings;
  const training = createTrainingFunction(settings);
  const waiting = new WaitingBatches(accumulate);
  const seed = new StepSeed(settings.seed ?? 0, model.draws);
  return {
    run: (batch, learningRate) => {
      const { moves } = waiting;
      const loss = tf.tidy(() => {
        const { images, coverage } = batchTensors(model, batch);
        return training.step(images, coverage, tf.scalar(learningRate), moves, tf.tensor1d(seed.values, 'int32'));
      });
      waiting.advance();
      seed.advance();
      const [value] = loss.dataSync();
      loss.dispose();
      return value as number;
    },
    readState: () => {
      const state: NamedArrays = readVariables(training.state);
      waiting.save(state);
      seed.save(state);
      return state;
    },
    writeState: (state) => {
      const saved = [waiting.read(state), seed.read(state)];
      writeVariables(training.state, state);
      for (const { accept } of saved) accept();
    },
    served: (work) => (training.average ? training.average.lent(work) : work()),
    dispose: () => training.dispose(),
  };
}

/** An eager step with an evaluator that sees its newest weights. */
export function eagerEngine(settings: TrainingSettings): { step: TrainingStep; evaluator: Evaluator; dispose(): void } {
  const step = createEagerStep(settings);
  const own = createEagerEvaluator(settings);
  return { step, evaluator: { ...own, run: (batch) => step.served(() => own.run(batch)) }, dispose: () => step.dispose() };
}
