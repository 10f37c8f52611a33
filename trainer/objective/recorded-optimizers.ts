/** The optimizers that TensorFlow has no suitable kernel for. Their updates are tensor operations and are recorded with the step. */
import { type Scalar, type Tensor, tf } from '../engine/tensorflow.ts';
import { type NamedVariable, SlotVariables } from '../engine/variables.ts';
import { type LearningRates, type RateFactors, ratesOf } from './learning-rates.ts';
import { arithmetic, decays, type Optimizer, withPenalty } from './optimizer.ts';

/** PyTorch's default. */
const EPSILON = 1e-8;

/** `smoothing` is the share of the old mean of squares that a step keeps (PyTorch's alpha). */
export type RmsPropSettings = {
  readonly weightDecay: number;
  readonly rateFactors: RateFactors;
  readonly smoothing: number;
  readonly momentum: number;
};

/** The learning rates of variables, in their order. */
function rateTensors(variables: readonly NamedVariable[], factors: RateFactors, rates: LearningRates<Scalar>): Tensor[] {
  return ratesOf<Tensor>(variables, factors, rates, (rate, factor) => arithmetic.multiply(rate, tf.scalar(factor)));
}

/**
 * RMSprop (Hinton 2012) with PyTorch's update: v ← s·v + (1 − s)·g², d = g / (√v + 1e-8), p ← p − rate·d, or with momentum a ← momentum·a +
 * d, p ← p − rate·a. TensorFlow's own kernel adds epsilon inside the root and accumulates rate·d, which differs when the rate changes.
 */
export function createRmsProp(variables: readonly NamedVariable[], settings: RmsPropSettings): Optimizer {
  const { weightDecay, rateFactors, smoothing, momentum } = settings;
  const { add, subtract, multiply, divide, root, square } = arithmetic;
  const slots = new SlotVariables();
  const states = variables.map((named) => ({
    variable: named.variable,
    squares: slots.zeros('square', named),
    gathered: momentum > 0 ? slots.zeros('momentum', named) : undefined,
  }));
  const update = (gradients: readonly Tensor[], given: LearningRates<Scalar>): void => {
    const rates = rateTensors(variables, rateFactors, given);
    const [keep, rest] = [tf.scalar(smoothing), tf.scalar(1 - smoothing)];
    const [share, epsilon] = [tf.scalar(momentum), tf.scalar(EPSILON)];
    for (const [index, { variable, squares, gathered }] of states.entries()) {
      tf.tidy(() => {
        const gradient = withPenalty(gradients[index] as Tensor, variable, weightDecay);
        const next = add(multiply(squares, keep), multiply(square(gradient), rest));
        let direction = divide(gradient, add(root(next), epsilon));
        squares.assign(next);
        if (gathered) {
          direction = add(multiply(gathered, share), direction);
          gathered.assign(direction);
        }
        variable.assign(subtract(variable, multiply(direction, rates[index] as Tensor)));
      });
    }
  };
  return { kind: 'recorded', update, slots: slots.all, dispose: () => slots.dispose() };
}

export type LionSettings = {
  readonly weightDecay: number;
  readonly rateFactors: RateFactors;
  readonly beta1: number;
  readonly beta2: number;
};

/**
 * Lion (Chen and others 2023, algorithm 2): p ← p − rate·(sign(β₁·m + (1 − β₁)·g) + decay·p), then m ← β₂·m + (1 − β₂)·g. Every value moves
 * by the full rate, so rates should be a third to a tenth of AdamW's, and decays larger by the same factor. Only kernels decay.
 */
export function createLion(variables: readonly NamedVariable[], settings: LionSettings): Optimizer {
  const { weightDecay, rateFactors, beta1, beta2 } = settings;
  const { add, subtract, multiply, sign } = arithmetic;
  const slots = new SlotVariables();
  const states = variables.map((named) => ({ variable: named.variable, mean: slots.zeros('mean', named) }));
  const update = (gradients: readonly Tensor[], given: LearningRates<Scalar>): void => {
    const rates = rateTensors(variables, rateFactors, given);
    const [rest1, rest2] = [tf.scalar(1 - beta1), tf.scalar(1 - beta2)];
    const keepAt = (rate: Tensor): Tensor => subtract(tf.scalar(1), multiply(rate, tf.scalar(weightDecay)));
    const keeps = new Map([...new Set(rates)].map((rate) => [rate, keepAt(rate)]));
    for (const [index, { variable, mean }] of states.entries()) {
      const rate = rates[index] as Tensor;
      tf.tidy(() => {
        const apart = subtract(gradients[index] as Tensor, mean);
        const direction = sign(add(mean, multiply(apart, rest1)));
        const shrinks = weightDecay > 0 && decays(variable.shape);
        variable.assign(subtract(shrinks ? multiply(variable, keeps.get(rate) as Tensor) : variable, multiply(direction, rate)));
        mean.assign(add(mean, multiply(apart, rest2)));
      });
    }
  };
  return { kind: 'recorded', update, slots: slots.all, dispose: () => slots.dispose() };
}
