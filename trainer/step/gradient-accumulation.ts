/** Gradient accumulation: the optimizer updates the weights once per `accumulate` batches, with the mean of their gradients. */
import { CarpalError } from '@carpal/configs/errors.ts';
import { runKernel, typeAttribute } from '../engine/kernels.ts';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { type Tensor, tf } from '../engine/tensorflow.ts';
import { type NamedVariable, SlotVariables } from '../engine/variables.ts';

const T = [typeAttribute('T')];

/** Sums of gradients over several batches. They are variables, so that a checkpoint between two updates loses nothing. */
export type GradientSum = {
  /** Adds one batch's share of the mean gradients; returns the sums so far. */
  add(gradients: readonly Tensor[]): Tensor[];
  clear(): void;
  readonly slots: readonly NamedVariable[];
  dispose(): void;
};

/** Sums over `batches` batches. Each batch adds its gradients divided by `batches`, so the full sums are the mean. */
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
 * Counts the accumulated batches and decides when the optimizer updates the weights. The count continues across epochs: batches left over
 * at the end of an epoch are averaged with the first batches of the next one. Batches left over at the end of training are not used.
 * Lightning and Accelerate update at the end of each epoch instead. That update has fewer batches but still divides by `accumulate`, so it
 * is smaller; here all updates use the same number of batches.
 */
export class GradientAccumulation {
  readonly #accumulate: number;
  #waiting = 0;

  constructor(accumulate: number) {
    this.#accumulate = accumulate;
  }

  /** Whether the optimizer updates the weights after the next batch. */
  get moves(): boolean {
    return this.#waiting + 1 === this.#accumulate;
  }

  /** Counts a finished batch. */
  advance(): void {
    this.#waiting = this.moves ? 0 : this.#waiting + 1;
  }

  save(state: NamedArrays): void {
    if (this.#accumulate > 1) state.set(NAME, { shape: [], data: Float32Array.of(this.#waiting) });
  }

  /**
   * Reads the saved count. The returned `accept` applies it; call it after everything else has been read. Throws `weights-mismatch` if the
   * count does not fit.
   */
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
