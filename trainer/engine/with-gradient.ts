import { type Tensor, tf } from './tensorflow.ts';

/** A value and how its gradient reaches each input. `gradient` may use `saved` only: other tensors may be gone by then. */
type Differentiable<Output extends Tensor> = {
  readonly value: Output;
  readonly saved: readonly Tensor[];
  /** One gradient for each input, in their order. */
  readonly gradient: (dy: Output, saved: readonly Tensor[]) => Tensor[];
};

/** `tf.customGrad` with types: runs `forward`, and has tfjs call its `gradient` instead of differentiating what it did. */
export function withGradient<Output extends Tensor>(inputs: readonly Tensor[], forward: () => Differentiable<Output>): Output {
  const operation = tf.customGrad((...received) => {
    const save = received.at(-1) as (tensors: Tensor[]) => void;
    const { value, saved, gradient } = forward();
    save([...saved]);
    return { value, gradFunc: (dy, kept) => gradient(dy as Output, kept) };
  });
  return operation(...inputs) as Output;
}
