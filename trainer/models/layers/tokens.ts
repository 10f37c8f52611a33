import { linear } from '../../engine/ops/linear.ts';
import { type Tensor, type Tensor4D, tf } from '../../engine/tensorflow.ts';
import type { VariableMaker } from './variables.ts';

/** Standard deviation of the initial weights of transformers, independent of the width. */
const DEVIATION = 0.02;

type DenseOptions = { readonly from: number; readonly to: number; readonly bias?: boolean };

/** A linear map of the last axis, with `<name>/kernel` `[from, to]` and, unless `bias` is false, `<name>/bias`. */
export function dense(make: VariableMaker, name: string, { from, to, bias = true }: DenseOptions) {
  const kernel = make.normal(`${name}/kernel`, [from, to], DEVIATION);
  const offset = bias ? make.constant(`${name}/bias`, [to], 0) : undefined;
  return <Shape extends Tensor>(x: Shape): Shape => tf.tidy(() => linear(x, kernel, offset));
}

/** Converts tokens `[batch, …, channels]`, in raster order, to `[batch, heads, tokens, channels / heads]`. */
export function splitHeads(x: Tensor, heads: number): Tensor4D {
  const [batch] = x.shape as [number];
  const channels = x.shape.at(-1) as number;
  return tf.transpose(tf.reshape(x, [batch, -1, heads, channels / heads]), [0, 2, 1, 3]) as Tensor4D;
}

/** The inverse of `splitHeads`: returns tokens as a map `[batch, height, width, channels]`. */
export function joinHeads(x: Tensor4D, height: number, width: number): Tensor4D {
  const [batch, heads, , size] = x.shape;
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, height, width, heads * size]);
}
