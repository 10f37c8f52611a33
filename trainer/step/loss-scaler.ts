import { runKernel, typeAttribute, withGradient } from '../engine/kernels.ts';
import { type Scalar, type Tensor, type Tensor4D, tf } from '../engine/tensorflow.ts';
import { type NamedVariable, SlotVariables } from '../engine/variables.ts';

/** The initial loss scale, and after how many good steps in a row it doubles. */
export type LossScaleSettings = { readonly initial?: number; readonly growthInterval?: number };

/** Keeps small gradients from becoming zero in float16. The loss is multiplied by a scale, which grows until the gradients overflow. */
export type LossScaler = {
  /** The logits from which the loss is computed, in float32 even if they were computed in float16. */
  toFloat32(logits: Tensor4D): Tensor4D;
  /** The same loss, whose gradient is the scale instead of 1. */
  scaled(loss: Scalar): Scalar;
  /** Divides the gradients of a scaled loss by the scale, in float32. Values that overflowed are infinite or NaN. */
  unscaled(gradients: readonly Tensor[]): Tensor[];
  /**
   * Adjusts the scale to these (unscaled) gradients. `finite`: the optimizer may use them. `lost`: they are not finite even at the smallest
   * scale.
   */
  adjust(gradients: readonly Tensor[]): { readonly finite: Scalar; readonly lost: Scalar };
  readonly slots: readonly NamedVariable[];
  dispose(): void;
};

/** The constants of PyTorch's GradScaler. */
const INITIAL = 2 ** 16;
const GROWTH = 2;
const BACKOFF = 0.5;
const GROWTH_INTERVAL = 2000;
/**
 * A gradient that overflows float16 at this scale is larger than 4·10⁹: the training has diverged. PyTorch halves the scale without a
 * limit.
 */
const SMALLEST = 2 ** -16;

const T = [typeAttribute('T')];

/**
 * Dynamic loss scaling (Micikevicius and others 2018, section 3.2). The scale and the number of good steps since it last changed are
 * variables, so a step that uses it can be recorded, and a checkpoint contains them. Scales are powers of two: they change no bit of a
 * gradient that neither overflows nor underflows.
 */
export function createLossScaler({ initial = INITIAL, growthInterval = GROWTH_INTERVAL }: LossScaleSettings = {}): LossScaler {
  const slots = new SlotVariables();
  const scale = slots.add('lossScale', tf.scalar(initial));
  const goodSteps = slots.add('goodSteps', tf.scalar(0));

  return {
    // TensorFlow's rewriter would use float16 from the last convolution through a loss without sums to the first convolution of the
    // backward pass. BCE's gradient is 1/n, below the range of float16. The rewriter does not continue past kernels that it has no rule
    // for, such as DeepCopy.
    toFloat32: (logits) =>
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
    // Divides instead of multiplying by the inverse: the inverse of the largest scales would be flushed to zero.
    unscaled: (gradients) => gradients.map((gradient) => runKernel('RealDiv', T, [gradient, scale])),
    adjust: (gradients) => {
      // AdamW needs finite squares. L2Loss checks them with one kernel per gradient that writes only a scalar.
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
