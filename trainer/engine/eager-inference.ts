import type { Model } from '../models/model.ts';
import { lossValueOf, type WeightedLoss } from '../objective/losses.ts';
import { batchTensors, imageTensor } from './device-batch.ts';
import type { Evaluator, Predictor } from './step.ts';
import { type Tensor, type Tensor4D, tf } from './tensorflow.ts';
import { targetsOf } from './training-function.ts';

const nothing = (): void => {};

/** Reads a tensor back and frees it. */
function take(tensor: Tensor): Float32Array {
  const values = tensor.dataSync() as Float32Array;
  tensor.dispose();
  return values;
}

/** Inference with a model, which stays with whoever built it. */
export function createEagerPredictor(model: Model): Predictor {
  return {
    run: (images, count, size) => take(tf.tidy(() => model.forward(imageTensor(model, images, count, size), false)[0] as Tensor4D)),
    dispose: nothing,
  };
}

/** Loss and logits of validation batches, with the moving averages in place of the batch's own statistics. */
export function createEagerEvaluator({ model, losses }: { model: Model; losses: readonly WeightedLoss[] }): Evaluator {
  const lossValue = lossValueOf(losses);
  return {
    run: (batch) => {
      const [loss, logits] = tf.tidy(() => {
        const { images, coverage } = batchTensors(model, batch);
        const answer = model.forward(images, false)[0] as Tensor4D;
        return [lossValue(answer, targetsOf(coverage)), answer] as [Tensor, Tensor];
      });
      return { loss: take(loss)[0] as number, logits: take(logits) };
    },
    dispose: nothing,
  };
}
