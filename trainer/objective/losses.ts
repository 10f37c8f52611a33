import type { LossOptions } from '@carpal/configs/schema/options.ts';
import { runKernel, typeAttribute, withGradient } from '../engine/kernels.ts';
import { type Scalar, type Tensor, type Tensor4D, tf } from '../engine/tensorflow.ts';
import { areaSums, dice, focalTversky, iou } from './area-losses.ts';
import type { AreaGradient, AreaSums, LossInput, LossTerm, Reduction } from './loss-term.ts';
import { lovasz } from './lovasz.ts';
import { bce, focal } from './pixel-losses.ts';

export const LOSSES = {
  BCE: bce,
  Focal: focal,
  Dice: dice,
  IoU: iou,
  FocalTversky: focalTversky,
  Lovasz: lovasz,
} as const satisfies Record<string, LossTerm>;

/** One entry of an experiment's `loss`. */
export type WeightedLoss = LossOptions & { readonly name: keyof typeof LOSSES; readonly weight: number };

/** A loss of logits and targets, both `[batch, height, width, classes]`, targets in 0..1. Differentiable by the logits only. */
export type Loss = (logits: Tensor4D, targets: Tensor4D) => Scalar;

const T = [typeAttribute('T')];

/**
 * The weighted sum of losses. The forward pass computes the gradient by the logits too, because it has the probabilities, and saves nothing
 * else for the backward pass.
 */
export function lossOf(losses: readonly WeightedLoss[]): Loss {
  return (logits, targets) =>
    withGradient<Scalar>([logits], () => {
      const [value, gradient] = tf.tidy(() => {
        const input = inputOf(logits, targets);
        const terms = evaluate(losses, input);
        return [sum(terms.map((term) => term.value)), gradientOf(terms, input)] as [Scalar, Tensor4D];
      });
      return { value, saved: [gradient], gradient: (dy, saved) => [tf.mul(saved[0] as Tensor, dy)] };
    });
}

/** The weighted sum of losses without a gradient, for validation. */
export function lossValueOf(losses: readonly WeightedLoss[]): Loss {
  return (logits, targets) => tf.tidy(() => sum(evaluate(losses, inputOf(logits, targets)).map((term) => term.value)));
}

function inputOf(logits: Tensor4D, targets: Tensor4D): LossInput {
  const probabilities = tf.sigmoid(logits);
  const known = new Map<Reduction, AreaSums>();
  const sums = (reduction: Reduction): AreaSums => {
    const made = known.get(reduction) ?? areaSums(probabilities, targets, reduction);
    known.set(reduction, made);
    return made;
  };
  return { logits, targets, probabilities, sums };
}

type WeightedTerm = { readonly value: Scalar; readonly byLogit?: () => Tensor4D; readonly byArea?: () => AreaGradient };

function evaluate(losses: readonly WeightedLoss[], input: LossInput): WeightedTerm[] {
  return losses.map(({ name, weight, ...options }) => {
    const { value, byLogit, byArea } = LOSSES[name](input, options);
    const scaled = <Shape extends Tensor>(tensor: Shape): Shape => (weight === 1 ? tensor : tf.mul(tensor, weight));
    if (byLogit) return { value: scaled(value), byLogit: () => scaled(byLogit()) };
    return {
      value: scaled(value),
      byArea: () => {
        const { slope, constant } = byArea();
        return { slope: scaled(slope), constant: scaled(constant) };
      },
    };
  });
}

/** The gradient by the logits. All `byArea` gradients are added before they are applied to the pixels. */
function gradientOf(terms: readonly WeightedTerm[], { probabilities, targets }: LossInput): Tensor4D {
  const gradients = terms.flatMap(({ byLogit }) => (byLogit ? [byLogit()] : []));
  const byAreas = terms.flatMap(({ byArea }) => (byArea ? [byArea()] : []));
  if (byAreas.length > 0) {
    const add = (parts: Tensor[]): Tensor => parts.reduce((all, part) => tf.add(all, part));
    const slope = add(byAreas.map((area) => area.slope));
    const constant = add(byAreas.map((area) => area.constant));
    gradients.push(runKernel<Tensor4D>('SigmoidGrad', T, [probabilities, tf.add(tf.mul(targets, slope), constant)]));
  }
  return sum(gradients);
}

function sum<Term extends Tensor>(terms: readonly Term[]): Term {
  return terms.length === 1 ? (terms[0] as Term) : (tf.addN([...terms]) as Term);
}
