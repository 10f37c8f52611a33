import { CarpalError } from '@carpal/configs/errors.ts';
import type { Model } from '../models/model.ts';
import { byteTensor } from './kernels.ts';
import type { StepBatch } from './step.ts';
import { type Tensor, type Tensor4D, tf } from './tensorflow.ts';

/** CarpalError `manifest-invalid` when the network cannot halve images of this size often enough. */
export function checkSize(model: Model, size: number): void {
  if (size % model.sizeMultiple === 0) return;
  throw new CarpalError('manifest-invalid', `${model.name} needs a size that is a multiple of ${model.sizeMultiple}, not ${size}`, {
    where: 'spec.input.size',
  });
}

/** Images as a tensor over the caller's memory. Throws as `checkSize`. */
export function imageTensor(model: Model, images: Float32Array, count: number, size: number): Tensor4D {
  checkSize(model, size);
  return tf.tensor4d(images, [count, size, size, 1], 'float32');
}

/** A batch as tensors over the caller's memory; coverage stays bytes. */
export function batchTensors(model: Model, batch: StepBatch): { images: Tensor4D; coverage: Tensor } {
  const { images, targets, count, size } = batch;
  return { images: imageTensor(model, images, count, size), coverage: byteTensor(targets, [count, size, size, model.classes]) };
}
