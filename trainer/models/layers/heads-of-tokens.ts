import { type Tensor, type Tensor4D, tf } from '../../engine/tensorflow.ts';

/** Tokens `[batch, …, channels]`, in raster order, as `[batch, heads, tokens, channels / heads]`. */
export function splitHeads(x: Tensor, heads: number): Tensor4D {
  const [batch] = x.shape as [number];
  const channels = x.shape.at(-1) as number;
  return tf.transpose(tf.reshape(x, [batch, -1, heads, channels / heads]), [0, 2, 1, 3]) as Tensor4D;
}

/** The way back, to tokens of a map `[batch, height, width, channels]`. */
export function joinHeads(x: Tensor4D, height: number, width: number): Tensor4D {
  const [batch, heads, , size] = x.shape;
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, height, width, heads * size]);
}
