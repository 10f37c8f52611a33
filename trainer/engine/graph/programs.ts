/** Records functions of tensors as programs, and compiles programs over the same variables into one session. */
import type { Tensor } from '../tensorflow.ts';
import type { NamedVariable } from '../variables.ts';
import { GraphSession, StatefulGraph, type StateVariable } from './graph-session.ts';
import { reducedPrecisionPlan } from './reduced-precision-plan.ts';
import { type Precision, sessionConfig } from './session-config.ts';
import { record, type Tape } from './tape.ts';
import { liveOperations, type Selection, translate } from './translate.ts';
import { FINITE, UpdateNodes } from './update-nodes.ts';

/** A function of tensors to record. It may read and assign the variables; `tapeOf` disposes of its results. */
export type Program = {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly run: () => Record<string, Tensor>;
};

/** Records a program. Variables that it assigns have no values afterwards: the caller restores them. */
export function tapeOf(program: Program, variables: readonly NamedVariable[]): Tape {
  const { tape, results } = record(program.run, program.inputs, variables);
  for (const tensor of Object.values(results)) tensor.dispose();
  return tape;
}

/**
 * Writes updates of variables as nodes, instead of recording them. `recorded` are the control references of the program's recorded updates.
 * Returns the control references of the new updates.
 */
export type WriteUpdates = (nodes: UpdateNodes, recorded: readonly string[]) => string[];

export type CompileOptions = {
  readonly precision: Precision;
  /** The updates that a program gets in addition to its recorded ones. */
  readonly updates?: (program: string) => WriteUpdates | undefined;
};

/** Which operations of a tape become nodes, and which of them compute in bfloat16. */
export function selection(tape: Tape, precision: Precision): Selection {
  const wanted = [...tape.results.values(), ...tape.assigned.values()].map(({ id }) => id);
  const live = liveOperations(tape, wanted);
  return { live, reduced: precision === 'bfloat16' ? reducedPrecisionPlan(tape, live) : new Set() };
}

/** A session that runs the programs. Feeds and results are named `<program>/<name>`; state has the names of the variables. */
function compile(tapes: ReadonlyMap<string, Tape>, variables: readonly NamedVariable[], options: CompileOptions): GraphSession {
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
    const value = (name: string): string => {
      const id = tape.results.get(name)?.id ?? tape.inputs.find((input) => input.name === name)?.id;
      if (id === undefined) throw new Error(`${program} has no input or result "${name}"`);
      return reference(id);
    };
    const variable = (name: string): StateVariable => {
      const state = states.get(name);
      if (!state) throw new Error(`there is no state "${name}"`);
      return state;
    };
    const nodes = new UpdateNodes(stateful, { value, variable, canSkip: tape.results.has(FINITE) });
    updates.push(...(options.updates?.(program)?.(nodes, updates) ?? []));
    // One node that waits for all updates. Edges from each update to each result would be quadratic in the number of gradients.
    const done = updates.length > 0 ? [`^${stateful.graph.add('NoOp', updates, {})}`] : [];
    for (const [name, { id, dtype }] of tape.results) stateful.output(`${program}/${name}`, dtype, reference(id), done);
  }
  return new GraphSession(stateful, sessionConfig(options.precision));
}

/**
 * Programs over one state, in one session. A loaded session accepts no more nodes. So a program that is added later (for a batch of another
 * shape) needs a new session with all programs, and the state moves there. There are few shapes: whole batches, the smaller last batch of
 * an epoch, and during inference scaled views and remaining windows.
 */
export class JoinedPrograms {
  readonly #variables: readonly NamedVariable[];
  readonly #options: CompileOptions;
  #tapes: ReadonlyMap<string, Tape> = new Map();
  #session: GraphSession | undefined;

  constructor(variables: readonly NamedVariable[], options: CompileOptions) {
    this.#variables = variables;
    this.#options = options;
  }

  has(program: string): boolean {
    return this.#tapes.has(program);
  }

  /** The session of all programs; undefined before the first `join`. Its state is undefined until it is first written. */
  get session(): GraphSession | undefined {
    return this.#session;
  }

  /**
   * Adds programs under new names and returns the session of all programs. Sessions returned earlier must not be used any more. If it
   * throws, nothing has changed.
   */
  join(tapes: ReadonlyMap<string, Tape>, hasState: boolean): GraphSession {
    const all = new Map([...this.#tapes, ...tapes]);
    const former = this.#session;
    const joined = compile(all, this.#variables, this.#options);
    try {
      if (former && hasState) joined.moveState(former);
    } catch (error) {
      joined.dispose();
      throw error;
    }
    former?.dispose();
    this.#session = joined;
    this.#tapes = all;
    return joined;
  }

  dispose(): void {
    this.#session?.dispose();
    this.#session = undefined;
    this.#tapes = new Map();
  }
}
