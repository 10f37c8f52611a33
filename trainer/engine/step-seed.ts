import { CarpalError } from '@carpal/configs/errors.ts';
import type { NamedArrays } from './named-arrays.ts';

/** Saved only where a network draws random numbers. */
const NAME = 'optimizer/batchesSeen';
/** A number that a float32 array of a checkpoint still holds exactly. */
const MOST = 2 ** 24;

/**
 * The seed of each step's random numbers: the training's own seed and the number of batches that came before. It is saved with the state, so
 * that a training that was stopped draws on as if it never had been.
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

  /** A batch is done. */
  advance(): void {
    this.#batches += 1;
  }

  save(state: NamedArrays): void {
    if (this.#drawn) state.set(NAME, { shape: [], data: Float32Array.of(this.#batches) });
  }

  /** The saved number, to be taken on once everything else has been; `weights-mismatch` where it is missing or no count. */
  read(state: NamedArrays): { accept: () => void } {
    if (!this.#drawn) return { accept: () => undefined };
    const saved = state.get(NAME)?.data[0];
    if (saved === undefined || !Number.isInteger(saved) || saved < 0 || saved >= MOST) {
      throw new CarpalError('weights-mismatch', `the checkpoint does not say how many batches it has seen (${NAME} is ${saved})`);
    }
    return {
      accept: () => {
        this.#batches = saved;
      },
    };
  }
}
