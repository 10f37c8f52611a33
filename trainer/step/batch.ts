/**
 * Converts batches between plain arrays and graphs: their shape, the tensors that represent them in a recording, and the feeds of a run.
 */
import { CarpalError } from '@carpal/configs/errors.ts';
import { DATA_TYPE } from '../engine/graph/graph-definition.ts';
import type { Feed } from '../engine/graph/graph-session.ts';
import { describedTensor } from '../engine/graph/native-binding.ts';
import { floatsOfBytes } from '../engine/kernels.ts';
import { type Tensor, type Tensor4D, tf } from '../engine/tensorflow.ts';
import type { Model } from '../models/model.ts';

/** `count` images of `size`×`size` pixels. */
export type BatchShape = { readonly count: number; readonly size: number };

/** Throws `manifest-invalid` if the size is not a multiple of the network's `sizeMultiple`. */
export function checkSize(model: Model, size: number): void {
  if (size % model.sizeMultiple === 0) return;
  throw new CarpalError('manifest-invalid', `${model.name} needs a size that is a multiple of ${model.sizeMultiple}, not ${size}`, {
    where: 'spec.input.size',
  });
}

const imagesShape = ({ count, size }: BatchShape) => [count, size, size, 1] as const;
const coverageShape = ({ classes }: Model, { count, size }: BatchShape) => [count, size, size, classes] as const;

/** Images of this shape, without values. */
export function describedImages(shape: BatchShape): Tensor4D {
  return describedTensor(imagesShape(shape), DATA_TYPE.float32) as Tensor4D;
}

/** Coverage bytes of this shape, without values. */
export function describedCoverage(model: Model, shape: BatchShape): Tensor {
  return describedTensor(coverageShape(model, shape), DATA_TYPE.uint8);
}

export function imagesFeed(images: Float32Array, shape: BatchShape): Feed {
  return { dataType: DATA_TYPE.float32, shape: imagesShape(shape), values: images };
}

export function coverageFeed(model: Model, coverage: Uint8Array, shape: BatchShape): Feed {
  return { dataType: DATA_TYPE.uint8, shape: coverageShape(model, shape), values: coverage };
}

/** Targets 0..1 of coverage bytes 0..255; the division runs on the device. */
export function targetsOf(coverage: Tensor): Tensor4D {
  return tf.div(floatsOfBytes<Tensor4D>(coverage), 255);
}
