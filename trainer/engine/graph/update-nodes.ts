import type { NamedVariable } from '../variables.ts';
import { attribute, DATA_TYPE, type GraphDefinition } from './graph-definition.ts';
import type { StatefulGraph, StateVariable } from './graph-session.ts';

/** Prefix of a program's outputs for gradients. The variable's name follows. */
export const GRADIENT = 'gradient/';
/** A program's output that says whether all gradients are finite. */
export const FINITE = 'finite';

/** Attributes of operations on float32. */
export const T = { T: attribute.type(DATA_TYPE.float32) };

type ProgramNodes = {
  /** The reference of an input or a result of the program. */
  readonly value: (name: string) => string;
  readonly variable: (name: string) => StateVariable;
  /** Whether the program has the result `finite`. */
  readonly canSkip: boolean;
};

/**
 * Writes the nodes of a program's variable updates. If the program has the output `finite`, the step is skipped when `finite` is false:
 * updates must then change nothing.
 */
export class UpdateNodes {
  readonly #stateful: StatefulGraph;
  readonly #program: ProgramNodes;

  constructor(stateful: StatefulGraph, program: ProgramNodes) {
    this.#stateful = stateful;
    this.#program = program;
  }

  get graph(): GraphDefinition {
    return this.#stateful.graph;
  }

  /** Assigns a variable after it has been read; returns the control reference. */
  assign(variable: StateVariable, value: string): string {
    return this.#stateful.assign(variable, value);
  }

  /** The reference of an input or a result of the program. */
  value(name: string): string {
    return this.#program.value(name);
  }

  variable(name: string): StateVariable {
    return this.#program.variable(name);
  }

  float(value: number): string {
    return this.graph.float(value);
  }

  multiply(a: string, b: string): string {
    return this.graph.add('Mul', [a, b], T);
  }

  add(a: string, b: string): string {
    return this.graph.add('AddV2', [a, b], T);
  }

  subtract(a: string, b: string): string {
    return this.graph.add('Sub', [a, b], T);
  }

  /** `value` if the gradients are finite, `otherwise` in a skipped step. */
  whenFinite(value: string, otherwise: string): string {
    return this.#program.canSkip ? this.graph.add('SelectV2', [this.value(FINITE), value, otherwise], T) : value;
  }

  /** The gradient of a variable; 0 in a skipped step (MulNoNan: zero times infinity is zero). */
  gradient({ name }: NamedVariable): string {
    const given = this.value(`${GRADIENT}${name}`);
    if (!this.#program.canSkip) return given;
    return this.graph.add('MulNoNan', [given, this.whenFinite(this.float(1), this.float(0))], T);
  }
}
