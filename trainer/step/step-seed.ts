import { CarpalError } from '@carpal/configs/errors.ts';
import type { NamedArrays } from '../engine/named-arrays.ts';

/** The name in the state; saved only for a network that draws random numbers. */
const NAME = 'optimizer/batchesSeen';
/** Integers below this are exact in float32, the type of a checkpoint's arrays. */
const LIMIT = 2 ** 24;

/**
 * The seed of each step's random numbers: the seed of the training and the number of batches before the step. It is saved with the state,
 * so a resumed training draws the same numbers as an uninterrupted one.
 */
export class StepSeed {
  readonly #seed: number;
  readonly #drawn: boolean;
  #batches = 0;

  constructor(seed: number, drawn: boolean) {
    this.#seed = seed | 0;
    this.#drawn = drawn;
  }

  /** Two int32 values for the next step. */
  get values(): Int32Array {
    return Int32Array.of(this.#seed, this.#batches);
  }

  /** Counts a finished batch. */
  advance(): void {
    this.#batches += 1;
  }

  save(state: NamedArrays): void {
    if (this.#drawn) state.set(NAME, { shape: [], data: Float32Array.of(this.#batches) });
  }

  /**
   * Reads the saved count. The returned `accept` applies it; call it after everything else has been read. Throws `weights-mismatch` if it
   * is not a count.
   */
  read(state: NamedArrays): { accept: () => void } {
    if (!this.#drawn) return { accept: () => undefined };
    const saved = state.get(NAME)?.data[0];
    if (saved === undefined || !Number.isInteger(saved) || saved < 0 || saved >= LIMIT) {
      throw new CarpalError('weights-mismatch', `the checkpoint has no valid number of finished batches (${NAME} is ${saved})`);
    }
    return {
      accept: () => {
        this.#batches = saved;
      },
    };
  }
}
