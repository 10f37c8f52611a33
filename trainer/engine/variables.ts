/** tfjs variables under the names in which their values are saved. */
import { CarpalError } from '@carpal/configs/errors.ts';
import { runKernel, typeAttribute } from './kernels.ts';
import { type NamedArrays, valueCount } from './named-arrays.ts';
import { type Tensor, tf, type Variable } from './tensorflow.ts';

/** A variable and the name under which its values are saved. */
export type NamedVariable = { readonly name: string; readonly variable: Variable };

const T = [typeAttribute('T')];

/** The variables' values by name; the arrays are copies. */
export function readVariables(variables: readonly NamedVariable[]): NamedArrays {
  return new Map(variables.map(({ name, variable }) => [name, { shape: [...variable.shape], data: variable.dataSync() as Float32Array }]));
}

/**
 * Sets each variable to the array of its name and ignores all other arrays. Throws `weights-mismatch` if a name is missing or an array has
 * another shape. All names are checked first, so no variable has changed in that case. `where` is the file, for the message.
 */
export function writeVariables(variables: readonly NamedVariable[], arrays: NamedArrays, where?: string): void {
  const found = variables.map(({ name, variable }) => {
    const array = arrays.get(name);
    if (!array) throw mismatch(`there is no array ${name}`, where);
    if (array.shape.join() !== variable.shape.join()) {
      throw mismatch(`${name} has shape [${array.shape.join(', ')}], but [${variable.shape.join(', ')}] is needed`, where);
    }
    return { variable, array };
  });
  tf.tidy(() => {
    for (const { variable, array } of found) {
      // A copy that is uploaded now: TensorFlow shares the memory of the array that it gets.
      variable.assign(runKernel('Identity', T, [tf.tensor(array.data.slice(), variable.shape, 'float32')]));
    }
  });
}

export function mismatch(message: string, where?: string): CarpalError {
  return new CarpalError('weights-mismatch', message, where === undefined ? {} : { where });
}

/**
 * Runs `work` in a tidy and returns its result. Afterwards, also after an error, the variables have their former values again. Copies
 * nothing: the former tensors are kept while `work` runs.
 */
export function restoringVariables<Result>(variables: readonly NamedVariable[], work: () => Result): Result {
  let result: Result | undefined;
  // The result does not pass through tidy, which would search all of it for tensors.
  tf.tidy(() => {
    const before = variables.map(({ variable }) => tf.clone(variable));
    try {
      result = work();
    } finally {
      for (const [index, { variable }] of variables.entries()) {
        const former = before[index];
        if (former && former.dataId !== variable.dataId) variable.assign(former);
      }
    }
  });
  return result as Result;
}

let owners = 0;

/** Slot variables: the state that one part of a training step (an optimizer, an average) keeps from one step to the next. */
export class SlotVariables {
  readonly #scope = `slots${owners++}`;
  readonly all: NamedVariable[] = [];
  readonly #zeros = new SharedZeros();

  /** A slot that starts as a copy of `first`. Disposes of `first`. */
  add(name: string, first: Tensor): Variable {
    const variable = tf.variable(first, false, `${this.#scope}/${name}`);
    first.dispose();
    this.all.push({ name, variable });
    return variable;
  }

  /**
   * A slot of zeros for a variable, named `<kind>/<variable>`. All such slots share memory until they are first assigned. Without sharing,
   * HRNet's slots would use 530 MB of zeros, in addition to the session's copies.
   */
  zeros(kind: string, { name, variable }: NamedVariable): Variable {
    return this.add(`${kind}/${name}`, this.#zeros.like(variable.shape));
  }

  dispose(): void {
    this.#zeros.dispose();
    for (const { variable } of this.all) variable.dispose();
  }
}

/**
 * Zeros of any shape that share memory: they are views of one array in TensorFlow's memory. TensorFlow would copy a JavaScript array once
 * per view, unless the array happened to begin at a multiple of 64 bytes.
 */
export class SharedZeros {
  #zeros: Tensor | undefined;

  /** A tensor of zeros of this shape, which belongs to the enclosing tidy. The shared memory is freed with the last such tensor. */
  like(shape: readonly number[]): Tensor {
    return tf.tidy(() => {
      const size = valueCount(shape);
      if (this.#zeros === undefined || this.#zeros.size < size) {
        this.dispose();
        this.#zeros = tf.keep(tf.fill([size], 0));
      }
      return tf.reshape(tf.slice(this.#zeros, [0], [size]), [...shape]);
    });
  }

  dispose(): void {
    this.#zeros?.dispose();
    this.#zeros = undefined;
  }
}
