import { frozenProgram } from '../engine/graph/frozen-program.ts';
import { tapeOf } from '../engine/graph/programs.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import type { Model } from '../models/model.ts';
import { readWeights, savedVariables } from '../models/weights.ts';
import { type BatchShape, checkSize, describedImages } from './batch.ts';

/**
 * The forward pass of a model as the bytes of a `saved_model.pb`: from `images` `[count, size, size, 1]` in 0..1 to `logits`
 * `[count, size, size, classes]`, both float32. The model is not changed. Throws `manifest-invalid` for a size that the network does not
 * accept.
 */
export function frozenForward(model: Model, shape: BatchShape): Buffer {
  checkSize(model, shape.size);
  return tf.tidy(() => {
    const images = describedImages(shape);
    const run = (): { logits: Tensor4D } => ({ logits: model.forward(images, false)[0] as Tensor4D });
    return frozenProgram(tapeOf({ inputs: { images }, run }, savedVariables(model)), readWeights(model));
  });
}
