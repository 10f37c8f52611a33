import { CarpalError } from '@carpal/configs/errors.ts';
import { batchTensors } from './device-batch.ts';
import type { NamedArrays } from './named-arrays.ts';
import type { TrainingStep } from './step.ts';
import { tf } from './tensorflow.ts';
import { createTrainingFunction, type TrainingSettings } from './training-function.ts';
import { readVariables, writeVariables } from './variable-arrays.ts';

/** Number of batches whose gradients wait for the optimizer; saved only where gradients accumulate. */
const WAITING = 'optimizer/waitingBatches';

/**
 * A training step that TensorFlow executes kernel by kernel as tfjs calls them. The same state and the same batches give the same bits on one
 * machine. Nothing but variables outlives a step, and the loss is the only thing read back.
 */
export function createEagerStep(settings: TrainingSettings): TrainingStep {
  const { model, accumulate = 1 } = settings;
  const training = createTrainingFunction(settings);
  let waiting = 0;
  return {
    run: (batch, learningRate) => {
      const moves = waiting + 1 === accumulate;
      const loss = tf.tidy(() => {
        const { images, coverage } = batchTensors(model, batch);
        return training.step(images, coverage, tf.scalar(learningRate), moves);
      });
      waiting = moves ? 0 : waiting + 1;
      const [value] = loss.dataSync();
      loss.dispose();
      return value as number;
    },
    readState: () => {
      const state: NamedArrays = readVariables(training.state);
      if (accumulate > 1) state.set(WAITING, { shape: [], data: Float32Array.of(waiting) });
      return state;
    },
    writeState: (state) => {
      const [saved = 0] = state.get(WAITING)?.data ?? [];
      if (!Number.isInteger(saved) || saved < 0 || saved >= accumulate) {
        throw new CarpalError(
          'weights-mismatch',
          `the checkpoint waits after ${saved} batches, but gradients accumulate over ${accumulate}`,
        );
      }
      writeVariables(training.state, state);
      waiting = saved;
    },
    dispose: () => training.dispose(),
  };
}
