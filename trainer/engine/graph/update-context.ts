/** What updates that are written into a graph by hand have in common. */
import type { NamedVariable } from '../variable-arrays.ts';
import { attribute, DATA_TYPE } from './graph-definition.ts';
import type { StatefulGraph, StateVariable } from './graph-session.ts';

/** Under this name, followed by a variable's, a program hands over its gradients. */
export const GRADIENT = 'gradient/';
/** Under this name it says whether they are all finite. */
export const FINITE = 'finite';

/** Attributes of operations on float32. */
export const T = { T: attribute.type(DATA_TYPE.float32) };

/** Writes nodes for a program's updates. With `skips` they change nothing where its result `finite` is false. */
export class UpdateContext {
  readonly #stateful: StatefulGraph;
  readonly #reference: (name: string) => string;
  readonly #skips: boolean;

  constructor(stateful: StatefulGraph, reference: (name: string) => string, skips: boolean) {
    this.#stateful = stateful;
    this.#reference = reference;
    this.#skips = skips;
  }

  float(value: number): string {
    return this.#stateful.graph.float(value);
  }

  multiply(a: string, b: string): string {
    return this.#stateful.graph.add('Mul', [a, b], T);
  }

  add(a: string, b: string): string {
    return this.#stateful.graph.add('AddV2', [a, b], T);
  }

  subtract(a: string, b: string): string {
    return this.#stateful.graph.add('Sub', [a, b], T);
  }

  /** `value` in a step that counts, `otherwise` in one that is skipped. */
  whenFinite(value: string, otherwise: string): string {
    return this.#skips ? this.#stateful.graph.add('SelectV2', [this.#reference(FINITE), value, otherwise], T) : value;
  }

  /** The gradient of a variable, 0 where the step is skipped (MulNoNan: zero times infinity is zero). */
  gradient({ name }: NamedVariable): string {
    const given = this.#reference(`${GRADIENT}${name}`);
    if (!this.#skips) return given;
    return this.#stateful.graph.add('MulNoNan', [given, this.whenFinite(this.float(1), this.float(0))], T);
  }
}

/** Writes updates with such a context; returns their control references. The other parameters are those of compile.ts. */
export type UpdateWriter = (
  context: UpdateContext,
  stateful: StatefulGraph,
  reference: (name: string) => string,
  variable: (name: string) => StateVariable,
) => string[];
