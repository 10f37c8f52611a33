import { CarpalError } from '@carpal/configs/errors.ts';
import type { NamedArrays } from './named-arrays.ts';

/** Saved only where gradients accumulate. */
const NAME = 'optimizer/waitingBatches';

/**
 * Counts the batches whose gradients wait for the optimizer to move, which it does once in `accumulate` batches. Epochs do not matter to it: those
 * that an epoch's end leaves waiting are averaged with the next epoch's first, and what waits when training ends moves nothing. Lightning and
 * Accelerate move with what there is at each epoch's end instead, divided by `accumulate` all the same, so a move by a few batches is a short one;
 * here every move is by as many.
 */
export class WaitingBatches {
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

  /** The saved number, to be taken on once everything else has been; `weights-mismatch` where it does not fit. */
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
      `the checkpoint waits after ${saved} batches, but gradients accumulate over ${this.#accumulate}`,
    );
  }
}
