/** Tape in, session out: one or more recorded programs over the same state, each with its own inputs and results. */

import type { Tensor } from '../tensorflow.ts';
import type { NamedVariable } from '../variable-arrays.ts';
import { GraphSession, StatefulGraph, type StateVariable } from './graph-session.ts';
import { narrowPlan } from './narrow-plan.ts';
import { type Precision, sessionConfig } from './session-config.ts';
import { record, type Tape } from './tape.ts';
import { liveOperations, type Selection, translate } from './translate.ts';

/** A function of tensors to be recorded: it may read and assign the variables, and its results are disposed of here. */
export type Program = {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly run: () => Record<string, Tensor>;
};

/** Records a program; its effect on the variables, which then have no values, is for the caller to undo. */
export function tapeOf(program: Program, variables: readonly NamedVariable[]): Tape {
  const { tape, results } = record(program.run, program.inputs, variables);
  for (const tensor of Object.values(results)) tensor.dispose();
  return tape;
}

/** Updates that are written into the graph by hand instead of being recorded; returns their control references. */
export type WriteUpdates = (
  stateful: StatefulGraph,
  /** The reference of a program's input or result. */
  reference: (name: string) => string,
  variable: (name: string) => StateVariable,
  /** The control references of the updates that were recorded. */
  recorded: readonly string[],
) => string[];

export type CompileOptions = {
  readonly precision: Precision;
  /** Updates that belong to a program, by its name. */
  readonly updates?: (program: string) => WriteUpdates | undefined;
};

/** What of a tape becomes nodes, and in which type. */
export function selection(tape: Tape, precision: Precision): Selection {
  const wanted = [...tape.results.values(), ...tape.assigned.values()].map(({ id }) => id);
  const live = liveOperations(tape, wanted);
  return { live, narrow: precision === 'bfloat16' ? narrowPlan(tape, live) : new Set() };
}

/** A session that runs the taped programs. Feeds and results are named `<program>/<name>`; state bears the variables' names. */
export function compile(tapes: ReadonlyMap<string, Tape>, variables: readonly NamedVariable[], options: CompileOptions): GraphSession {
  const stateful = new StatefulGraph();
  const states = new Map(variables.map(({ name, variable }) => [name, stateful.variable(name, variable.shape)]));
  for (const [program, tape] of tapes) {
    const leaves = new Map<number, string>();
    for (const { name, id, shape, dtype } of tape.inputs) leaves.set(id, stateful.input(`${program}/${name}`, dtype, shape));
    for (const { name, id } of tape.variables) {
      const state = states.get(name);
      if (state) leaves.set(id, state.read);
    }
    const reference = translate(stateful.graph, tape, leaves, selection(tape, options.precision));
    const updates = [...tape.assigned].flatMap(([name, { id }]) => {
      const state = states.get(name);
      return state ? [stateful.assign(state, reference(id))] : [];
    });
    const named = (name: string): string => {
      const id = tape.results.get(name)?.id ?? tape.inputs.find((input) => input.name === name)?.id;
      if (id === undefined) throw new Error(`${program} has no input or result "${name}"`);
      return reference(id);
    };
    const state = (name: string): StateVariable => {
      const variable = states.get(name);
      if (!variable) throw new Error(`there is no state "${name}"`);
      return variable;
    };
    updates.push(...(options.updates?.(program)?.(stateful, named, state, updates) ?? []));
    // One node that waits for all updates: an edge from each of them to each result would be as many as the gradients squared.
    const done = updates.length > 0 ? [`^${stateful.graph.add('NoOp', updates, {})}`] : [];
    for (const [name, { id, dtype }] of tape.results) stateful.output(`${program}/${name}`, dtype, reference(id), done);
  }
  return new GraphSession(stateful, sessionConfig(options.precision));
}
