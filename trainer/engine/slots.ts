import { SharedZeros } from './shared-zeros.ts';
import { type Tensor, tf, type Variable } from './tensorflow.ts';
import type { NamedVariable } from './variable-arrays.ts';

let owners = 0;

/** The variables in which a part of a training step keeps what it remembers from one step to the next. */
export class Slots {
  readonly #scope = `slots${owners++}`;
  readonly all: NamedVariable[] = [];
  readonly #zeros = new SharedZeros();

  /** A slot that starts as a copy of `first`, which is disposed of. */
  add(name: string, first: Tensor): Variable {
    const variable = tf.variable(first, false, `${this.#scope}/${name}`);
    first.dispose();
    this.all.push({ name, variable });
    return variable;
  }

  /**
   * A slot of zeros for a variable, named `<kind>/<variable>`. All of them share memory until they are first assigned: HRNet's would be
   * 530 MB of zeros beside the copies that the session takes of them.
   */
  zeros(kind: string, { name, variable }: NamedVariable): Variable {
    return this.add(`${kind}/${name}`, this.#zeros.like(variable.shape));
  }

  dispose(): void {
    this.#zeros.dispose();
    for (const { variable } of this.all) variable.dispose();
  }
}
