import { CarpalError } from '@carpal/configs/errors.ts';
import { runKernel, typeAttribute } from './kernels.ts';
import type { NamedArrays } from './named-arrays.ts';
import { tf, type Variable } from './tensorflow.ts';

/** A variable and the name under which its values are saved. */
export type NamedVariable = { readonly name: string; readonly variable: Variable };

const T = [typeAttribute('T')];

/** The variables' values by name; the arrays are copies. */
export function readVariables(variables: readonly NamedVariable[]): NamedArrays {
  return new Map(variables.map(({ name, variable }) => [name, { shape: [...variable.shape], data: variable.dataSync() as Float32Array }]));
}

/**
 * Gives each variable the values of its name; other names in `arrays` are left alone. Everything is checked first: after a CarpalError
 * `weights-mismatch` (a name that is missing, another shape) no variable has changed. `where` is the file, for the message.
 */
export function writeVariables(variables: readonly NamedVariable[], arrays: NamedArrays, where?: string): void {
  const found = variables.map(({ name, variable }) => {
    const array = arrays.get(name);
    if (!array) throw mismatch(`there is no array ${name}`, where);
    if (array.shape.join() !== variable.shape.join()) {
      throw mismatch(`${name} has shape [${array.shape.join(', ')}] where [${variable.shape.join(', ')}] is needed`, where);
    }
    return { variable, array };
  });
  tf.tidy(() => {
    for (const { variable, array } of found) {
      // A copy, and uploaded at once: TensorFlow shares the memory of the array that it is given.
      variable.assign(runKernel('Identity', T, [tf.tensor(array.data.slice(), variable.shape, 'float32')]));
    }
  });
}

/**
 * What `work` returns, run in a tidy; what it assigned to the variables is taken back. Costs no copy: the former tensors are kept meanwhile.
 */
export function undone<Result>(variables: readonly NamedVariable[], work: () => Result): Result {
  let result: Result | undefined;
  // Not handed through tidy, which would look for tensors in all of it.
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

export function mismatch(what: string, where?: string): CarpalError {
  return new CarpalError('weights-mismatch', what, where === undefined ? {} : { where });
}
