import { runKernel, typeAttribute } from '../engine/kernels.ts';
import { Slots } from '../engine/slots.ts';
import { type Tensor, tf } from '../engine/tensorflow.ts';
import type { NamedVariable } from '../engine/variable-arrays.ts';
import { arithmetic } from './optimizer.ts';

/** An experiment's `training.ema`; a decay of 0 keeps no average. */
export type AverageSettings = { readonly decay: number };

/** Slots of the average are named `average/<variable>`, and its count of moves this. */
export const AVERAGE = 'average/';
export const AVERAGE_MOVES = 'averageMoves';

/** A moving average of weights, and of the averages that batch normalisation keeps. */
export type WeightAverage = {
  /** Takes in the variables as they are after a move of the optimizer. */
  update(): void;
  /** What `work` returns where every variable has its average's value; what the variables held is put back. */
  lent<Result>(work: () => Result): Result;
  readonly slots: readonly NamedVariable[];
  dispose(): void;
};

/** After t moves the average takes in 9 / (10 + t) of what the weights are, at least 1 − decay. */
export const WARM_UP = { share: 9, moves: 10 } as const;

/**
 * The exponential moving average of Polyak's kind that TensorFlow keeps: a ← a − s·(a − w) after every move, with s large at first, so
 * that the random first weights are soon forgotten whatever the decay is. It starts as the variables are now.
 */
export function createWeightAverage(variables: readonly NamedVariable[], { decay }: AverageSettings): WeightAverage {
  const { add, subtract, multiply, divide } = arithmetic;
  const slots = new Slots();
  const moves = slots.add(AVERAGE_MOVES, tf.scalar(0));
  // Identity, not a clone: a recording tells variables apart by their native tensors.
  const copy = (variable: Tensor): Tensor => runKernel('Identity', [typeAttribute('T')], [variable]);
  const pairs = variables.map(({ name, variable }) => ({ variable, average: slots.add(`${AVERAGE}${name}`, copy(variable)) }));
  return {
    update: () =>
      void tf.tidy(() => {
        const share = tf.maximum(divide(tf.scalar(WARM_UP.share), add(moves, tf.scalar(WARM_UP.moves))), 1 - decay);
        for (const { variable, average } of pairs) {
          tf.tidy(() => average.assign(subtract(average, multiply(subtract(average, variable), share))));
        }
        moves.assign(add(moves, tf.scalar(1)) as Tensor);
      }),
    lent: (work) => {
      const former = pairs.map(({ variable }) => tf.clone(variable));
      const assign = (values: readonly Tensor[]): void => {
        for (const [index, { variable }] of pairs.entries()) variable.assign(values[index] as Tensor);
      };
      try {
        assign(pairs.map(({ average }) => average));
        return work();
      } finally {
        assign(former);
        for (const tensor of former) tensor.dispose();
      }
    },
    slots: slots.all,
    dispose: () => slots.dispose(),
  };
}
