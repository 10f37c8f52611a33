/** Gradient accumulation: the optimizer moves once in `accumulate` batches, by the mean of their gradients. */
import { CarpalError } from '@carpal/configs/errors.ts';
import { runKernel, typeAttribute } from '../engine/kernels.ts';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { type Tensor, tf } from '../engine/tensorflow.ts';
import { type NamedVariable, SlotVariables } from '../engine/variables.ts';

const T = [typeAttribute('T')];

/** Gradients gathered over several batches, in variables, so that a checkpoint between two moves loses nothing. */
export type GradientSum = {
  /** Adds one batch's share of the mean gradients; returns the sums so far. */
  add(gradients: readonly Tensor[]): Tensor[];
  clear(): void;
  readonly slots: readonly NamedVariable[];
  dispose(): void;
};

/** Sums over `batches` batches: together they are the mean of the batches' gradients. */
export function gradientSum(variables: readonly NamedVariable[], batches: number): GradientSum {
  const slots = new SlotVariables();
  const sums = variables.map((named) => slots.zeros('gradient', named));
  return {
    slots: slots.all,
    add: (gradients) => {
      const share = tf.scalar(1 / batches);
      for (const [index, sum] of sums.entries()) {
        tf.tidy(() => sum.assign(runKernel('AddV2', T, [sum, runKernel('Mul', T, [gradients[index] as Tensor, share])])));
      }
      return sums.map((sum) => tf.clone(sum));
    },
    clear: () => {
      for (const sum of sums) tf.tidy(() => sum.assign(tf.fill(sum.shape, 0)));
    },
    dispose: () => slots.dispose(),
  };
}

/** The name in the state; saved only with accumulation. */
const NAME = 'optimizer/waitingBatches';

/**
 * Counts the accumulated batches and says when the optimizer moves. Epochs do not matter: batches that an epoch's end leaves over are averaged
 * with the first ones of the next epoch, and those left over when training ends are not used. Lightning and Accelerate move at the end of
 * each epoch instead, with fewer batches but divided by `accumulate` all the same, so that move is shorter; here all moves use the same number.
 */
export class GradientAccumulation {
  readonly #accumulate: number;
  #waiting = 0;

  constructor(accumulate: number) {
    this.#accumulate = accumulate;
  }

  /** Whether the optimizer moves after the next batch. */
  get moves(): boolean {
    return this.#waiting + 1 === this.#accumulate;
  }

  /** A batch is done. */
  advance(): void {
    this.#waiting = this.moves ? 0 : this.#waiting + 1;
  }

  save(state: NamedArrays): void {
    if (this.#accumulate > 1) state.set(NAME, { shape: [], data: Float32Array.of(this.#waiting) });
  }

  /** Reads the saved count; `accept` takes it over, once everything else has been read. Throws `weights-mismatch` if it does not fit. */
  read(state: NamedArrays): { accept: () => void } {
    const [saved = 0] = state.get(NAME)?.data ?? [];
    if (Number.isInteger(saved) && saved >= 0 && saved < this.#accumulate) {
      return {
        accept: () => {
          this.#waiting = saved;
        },
      };
    }
    throw new CarpalError(
      'weights-mismatch',
      `the checkpoint has ${saved} accumulated batches, but gradients accumulate over ${this.#accumulate}`,
    );
  }
}
