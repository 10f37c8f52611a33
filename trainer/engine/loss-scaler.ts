import { runKernel, typeAttribute } from './kernels.ts';
import { Slots } from './slots.ts';
import { type Scalar, type Tensor, type Tensor4D, tf } from './tensorflow.ts';
import type { NamedVariable } from './variable-arrays.ts';
import { withGradient } from './with-gradient.ts';

/** How a loss scale begins and how many good steps double it. */
export type LossScaleSettings = { readonly initial?: number; readonly growthInterval?: number };

/** Keeps small gradients from vanishing in float16: they are computed times a scale that grows until they overflow. */
export type LossScaler = {
  /** Logits for the loss to be computed from, in float32 whatever made them. */
  widened(logits: Tensor4D): Tensor4D;
  /** The same loss, whose gradient is the scale instead of 1. */
  scaled(loss: Scalar): Scalar;
  /** Gradients of a scaled loss as they were without the scale, in float32; what has overflowed is infinite or not a number. */
  unscaled(gradients: readonly Tensor[]): Tensor[];
  /**
   * Moves the scale by what became of these (unscaled) gradients. `finite`: the optimizer may use them. `lost`: they were not finite at the
   * smallest scale either, so no scale will help.
   */
  judge(gradients: readonly Tensor[]): { readonly finite: Scalar; readonly lost: Scalar };
  readonly slots: readonly NamedVariable[];
  dispose(): void;
};

/** The constants of PyTorch's GradScaler. */
const INITIAL = 2 ** 16;
const GROWTH = 2;
const BACKOFF = 0.5;
const GROWTH_INTERVAL = 2000;
/** A gradient that is more than float16 holds at this scale is beyond 4·10⁹: that training has diverged. PyTorch would halve for ever. */
const SMALLEST = 2 ** -16;

const T = [typeAttribute('T')];

/**
 * Dynamic loss scaling (Micikevicius and others 2018, section 3.2). The scale and the count of good steps since it last moved are variables,
 * so a step that uses it can be recorded, and a checkpoint holds them. Scales are powers of two: where nothing overflows or vanishes they
 * change no bit of a gradient.
 */
export function createLossScaler({ initial = INITIAL, growthInterval = GROWTH_INTERVAL }: LossScaleSettings = {}): LossScaler {
  const slots = new Slots();
  const scale = slots.add('lossScale', tf.scalar(initial));
  const goodSteps = slots.add('goodSteps', tf.scalar(0));

  return {
    // TensorFlow's rewriter would carry float16 from the last convolution through a loss without sums (BCE's gradient is 1/n, below float16's
    // range) to the first one of the backward pass. It does not cross kernels that it has no rule for, and DeepCopy is one.
    widened: (logits) =>
      withGradient<Tensor4D>([logits], () => ({
        value: runKernel<Tensor4D>('DeepCopy', T, [logits]),
        saved: [],
        gradient: (dy) => [dy],
      })),
    scaled: (loss) =>
      withGradient<Scalar>([loss], () => ({
        value: tf.clone(loss),
        saved: [scale],
        gradient: (dy, [factor]) => [tf.mul(dy, factor as Tensor)],
      })),
    // Divided, not multiplied by an inverse: the inverse of the largest scales is taken for zero.
    unscaled: (gradients) => gradients.map((gradient) => runKernel('RealDiv', T, [gradient, scale])),
    judge: (gradients) => {
      // Finite squares are what AdamW needs, and cost one kernel a gradient that writes nothing.
      const finite = tf.isFinite(tf.addN(gradients.map((gradient) => runKernel('L2Loss', T, [gradient])))) as Scalar;
      const lost = tf.logicalAnd(tf.logicalNot(finite), tf.lessEqual(scale, SMALLEST)) as Scalar;
      const good = tf.add(goodSteps, 1);
      const due = tf.greaterEqual(good, growthInterval);
      const larger = tf.mul(scale, GROWTH);
      const grown = tf.where(tf.logicalAnd(due, tf.isFinite(larger)), larger, scale);
      const smaller = tf.maximum(tf.mul(scale, BACKOFF), SMALLEST);
      scale.assign(tf.where(finite, grown, smaller));
      goodSteps.assign(tf.where(tf.logicalAnd(finite, tf.logicalNot(due)), good, tf.zerosLike(good)));
      return { finite, lost };
    },
    slots: slots.all,
    dispose: () => slots.dispose(),
  };
}
