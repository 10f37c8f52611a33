/** Tape in, session out: one or more recorded programs over the same state, each with its own inputs and results. */

import type { Tensor } from '../tensorflow.ts';
import type { NamedVariable } from '../variable-arrays.ts';
import { GraphSession, StatefulGraph } from './graph-session.ts';
import { record, type Tape } from './tape.ts';
import { translate } from './translate.ts';

/** A function of tensors to be recorded: it may read and assign the variables, and its results are disposed of here. */
export type Program = {
  /** Begins the names of its inputs and results. */
  readonly name: string;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly run: () => Record<string, Tensor>;
};

/** Records a program by running it once; its effect on the variables is for the caller to undo. */
export function tapeOf(program: Program, variables: readonly NamedVariable[]): Tape {
  const { tape, results } = record(program.run, program.inputs, variables);
  for (const tensor of Object.values(results)) tensor.dispose();
  return tape;
}

/** A session that runs the taped programs. Feeds and results are named `<program>/<name>`; state bears the variables' names. */
export function compile(tapes: ReadonlyMap<string, Tape>, variables: readonly NamedVariable[]): GraphSession {
  const stateful = new StatefulGraph();
  const states = new Map(variables.map(({ name, variable }) => [name, stateful.variable(name, variable.shape)]));
  for (const [program, tape] of tapes) {
    const leaves = new Map<number, string>();
    for (const { name, id, shape, dtype } of tape.inputs) leaves.set(id, stateful.input(`${program}/${name}`, dtype, shape));
    for (const { name, id } of tape.variables) {
      const state = states.get(name);
      if (state) leaves.set(id, state.read);
    }
    const wanted = [...tape.results.values(), ...tape.assigned.values()].map(({ id }) => id);
    const reference = translate(stateful.graph, tape, leaves, wanted);
    const updates = [...tape.assigned].flatMap(([name, { id }]) => {
      const state = states.get(name);
      return state ? [stateful.assign(state, reference(id))] : [];
    });
    for (const [name, { id, dtype }] of tape.results) stateful.output(`${program}/${name}`, dtype, reference(id), updates);
  }
  return new GraphSession(stateful);
}
