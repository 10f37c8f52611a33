import { booleanAttribute, integerAttribute, runKernel, runKernelOutputs, TYPE, typeAttribute } from '../engine/kernels.ts';
import { type Scalar, type Tensor, type Tensor4D, tf } from '../engine/tensorflow.ts';
import type { LossTerm } from './loss-term.ts';

const T = [typeAttribute('T')];
const SORT = [
  booleanAttribute('sorted', true),
  typeAttribute('T'),
  typeAttribute('Tk', TYPE.int32),
  typeAttribute('index_type', TYPE.int32),
];
const GATHER = [
  typeAttribute('Tparams'),
  typeAttribute('Tindices', TYPE.int32),
  typeAttribute('Taxis', TYPE.int32),
  integerAttribute('batch_dims', 0),
];
const SCATTER = [typeAttribute('T'), typeAttribute('Tindices', TYPE.int32)];
const RUNNING = [
  booleanAttribute('exclusive', true),
  booleanAttribute('reverse', false),
  typeAttribute('T'),
  typeAttribute('Tidx', TYPE.int32),
];

/** The area of an absent class; with 0 the index would be 0 / 0. */
const ABSENT = 1e-6;

/** `[batch, height, width, classes]` as `[batch·classes, pixels]`: one row per class of each image. */
function rowsOf(values: Tensor4D): Tensor {
  const [batch, height, width, classes] = values.shape;
  return tf.reshape(tf.transpose(values, [0, 3, 1, 2]), [batch * classes, height * width]);
}

/**
 * The Lovász hinge (Berman and others 2018), averaged over classes and images: Σ max(0, eᵢ)·wᵢ over the pixels in descending order of their
 * error eᵢ = 1 − z·(2g − 1). wᵢ is the growth of the Jaccard loss when the i-th pixel becomes wrong too.
 *
 * The paper's targets are 0 or 1. A pixel with coverage g counts as its expectation: its error is the expected hinge of a pixel that is
 * inside with probability g (for |z| ≤ 1; continued linearly), and it adds g to the area of the class and 1 − g to the area outside. A
 * pixel with coverage 0.5 has no gradient, one with nearly full coverage has nearly the gradient of a full one, and targets of 0 and 1
 * result in the paper's loss.
 *
 * With N = Σg − Σ_{≤i} g and U = Σg + Σ_{≤i}(1 − g), wᵢ = (N/U before pixel i) − (N/U after it) = (gᵢ·U + N·(1 − gᵢ)) / (U·(U before)).
 * This form subtracts no nearly equal numbers. The slope by the logit is −(2g − 1)·wᵢ where the error is positive, in the pixels' original
 * order.
 */
export const lovasz: LossTerm = ({ logits, targets }) => {
  const truth = rowsOf(targets);
  const sign = tf.sub(tf.mul(truth, 2), 1);
  const errors = tf.sub(1, tf.mul(rowsOf(logits), sign));
  const [rows, pixels] = errors.shape as [number, number];
  const [sorted, order] = runKernelOutputs('TopKV2', SORT, [errors, tf.scalar(pixels, 'int32')], 2) as [Tensor, Tensor];
  // Indices over all rows, so that a plain gather and a plain scatter are enough.
  const first = tf.tensor2d(Int32Array.from({ length: rows }, (_, row) => row * pixels), [rows, 1], 'int32'); // biome-ignore format: a column
  const places = tf.reshape(tf.add(order, first), [-1]);
  const flat = runKernel('GatherV2', GATHER, [tf.reshape(truth, [-1]), places, tf.scalar(0, 'int32')]);
  const inside = tf.reshape(flat, [rows, pixels]);
  const outside = tf.sub(1, inside);
  const area = tf.add(tf.sum(truth, 1, true), ABSENT);
  const running = (values: Tensor): Tensor => runKernel('Cumsum', RUNNING, [values, tf.scalar(1, 'int32')]);
  const missing = tf.maximum(tf.sub(tf.sub(area, running(inside)), inside), 0);
  const unionBefore = tf.add(area, running(outside));
  const union = tf.add(unionBefore, outside);
  const weights = tf.div(tf.add(tf.mul(inside, union), tf.mul(missing, outside)), tf.mul(union, unionBefore));
  return {
    value: tf.mul(tf.sum(tf.mul(tf.relu(sorted), weights)), 1 / rows) as Scalar,
    byLogit: () => {
      // ReluGrad returns the first argument where the second is positive, and 0 elsewhere.
      const counting = runKernel('ReluGrad', T, [weights, sorted]);
      const shape = tf.tensor1d([rows * pixels], 'int32');
      const scattered = runKernel('ScatterNd', SCATTER, [tf.reshape(places, [-1, 1]), tf.reshape(counting, [-1]), shape]);
      const slopes = tf.mul(tf.mul(tf.reshape(scattered, [rows, pixels]), sign), -1 / rows);
      const [batch, height, width, classes] = logits.shape;
      return tf.transpose(tf.reshape(slopes, [batch, classes, height, width]), [0, 2, 3, 1]) as Tensor4D;
    },
  };
};
