/** Losses that depend on sums over pixels only: Σp·g (true positives), Σp (predicted), Σg (ground truth). */
import { type Scalar, type Tensor, tf } from '../engine/tensorflow.ts';
import type { AreaSums, LossTerm, Reduction } from './loss-term.ts';

/** Added to numerator and denominator, so that a class that is absent and not predicted has no loss. */
const SMOOTH = 1;
const AXES: Readonly<Record<Reduction, number[]>> = { perImageClass: [1, 2], global: [0, 1, 2, 3] };

/** The sums over pixels of arrays `[batch, height, width, classes]`. */
export function areaSums(probabilities: Tensor, targets: Tensor, reduction: Reduction): AreaSums {
  const over = (values: Tensor): Tensor => tf.sum(values, AXES[reduction], true);
  return { both: over(tf.mul(probabilities, targets)), found: over(probabilities), truth: over(targets) };
}

/** A ratio N / D of smoothed areas. The derivatives of N and D by a probability with target g are n·g and d + e·g. */
type Ratio = { readonly above: Tensor; readonly below: Tensor; readonly n: number; readonly d: number; readonly e: number };

const diceRatio = ({ both, found, truth }: AreaSums): Ratio => ({
  above: tf.add(tf.mul(both, 2), SMOOTH),
  below: tf.add(tf.add(found, truth), SMOOTH),
  n: 2,
  d: 1,
  e: 0,
});

const tverskyRatio = ({ both, found, truth }: AreaSums, alpha: number, beta: number): Ratio => {
  const above = tf.add(both, SMOOTH);
  const wrong = tf.add(tf.mul(tf.sub(found, both), alpha), tf.mul(tf.sub(truth, both), beta));
  return { above, below: tf.add(above, wrong), n: 1, d: alpha, e: 1 - alpha - beta };
};

/** The derivative of the mean of 1 − N / D by a probability with target g: −(n·g·D − N·(d + e·g)) / D², times `outer` if given. */
function areaGradient({ above, below, n, d, e }: Ratio, outer?: Tensor) {
  const square = tf.square(below);
  const scale = tf.div(outer ?? tf.scalar(1), tf.mul(square, above.size));
  const slope = tf.mul(tf.sub(tf.mul(above, e), tf.mul(below, n)), scale);
  return { slope, constant: tf.mul(tf.mul(above, d), scale) };
}

const oneLess = ({ above, below }: Ratio): Tensor => tf.sub(1, tf.div(above, below));

/** Soft Dice: 1 − (2·Σp·g + 1) / (Σp + Σg + 1). */
export const dice: LossTerm = ({ sums }, { reduction = 'perImageClass' }) => {
  const ratio = diceRatio(sums(reduction));
  return { value: tf.mean(oneLess(ratio)) as Scalar, byArea: () => areaGradient(ratio) };
};

/** Soft intersection over union: 1 − (Σp·g + 1) / (Σp + Σg − Σp·g + 1). It is Tversky's index with both weights 1. */
export const iou: LossTerm = ({ sums }, { reduction = 'perImageClass' }) => {
  const ratio = tverskyRatio(sums(reduction), 1, 1);
  return { value: tf.mean(oneLess(ratio)) as Scalar, byArea: () => areaGradient(ratio) };
};

/** Tuned on carpal's first networks. */
const ALPHA = 0.3;
const BETA = 0.7;
const GAMMA = 1.5;
/** With gamma below 1, the slope is unbounded at a loss of 0. The slope at this loss is used instead. */
const LEAST = 1e-6;

/**
 * (1 − T)^γ with Tversky's index T = (Σp·g + 1) / (Σp·g + α·(Σp − Σp·g) + β·(Σg − Σp·g) + 1) (Salehi and others 2017; Abraham and Khan 2019
 * write the exponent as 1 / γ).
 */
export const focalTversky: LossTerm = ({ sums }, { alpha = ALPHA, beta = BETA, gamma = GAMMA, reduction = 'perImageClass' }) => {
  const ratio = tverskyRatio(sums(reduction), alpha, beta);
  const rest = tf.maximum(oneLess(ratio), LEAST);
  return {
    value: tf.mean(tf.pow(rest, gamma)) as Scalar,
    byArea: () => areaGradient(ratio, tf.mul(tf.pow(rest, gamma - 1), gamma)),
  };
};
