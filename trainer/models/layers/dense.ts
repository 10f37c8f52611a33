import { linear } from '../../engine/ops/linear.ts';
import { type Tensor, tf } from '../../engine/tensorflow.ts';
import type { VariableMaker } from './variables.ts';

/** Standard deviation of the first weights of transformers, whatever their width. */
const DEVIATION = 0.02;

type DenseOptions = { readonly from: number; readonly to: number; readonly bias?: boolean };

/** A linear map of the last axis, `<name>/kernel` `[from, to]` and, unless `bias` is false, `<name>/bias`. */
export function dense(make: VariableMaker, name: string, { from, to, bias = true }: DenseOptions) {
  const kernel = make.normal(`${name}/kernel`, [from, to], DEVIATION);
  const offset = bias ? make.constant(`${name}/bias`, [to], 0) : undefined;
  return <Shape extends Tensor>(x: Shape): Shape => tf.tidy(() => linear(x, kernel, offset));
}
