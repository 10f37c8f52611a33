/**
 * A graph loaded into a TensorFlow session of this process: named inputs and outputs, and state that stays in the session's variables
 * between runs.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { typeAttribute } from '../kernels.ts';
import type { NamedArrays } from '../named-arrays.ts';
import type { Variable } from '../tensorflow.ts';
import type { NamedVariable } from '../variables.ts';
import { attribute, DATA_TYPE, GraphDefinition } from './graph-definition.ts';
import { type NativeTensor, nativeBackend, nativeId, type TypedValues } from './native-binding.ts';

/** A session variable: its handle and the node that reads it at the start of a run. */
export type StateVariable = { readonly name: string; readonly shape: readonly number[]; readonly handle: string; readonly read: string };

const FLOAT = attribute.type(DATA_TYPE.float32);

/** A graph with float32 session state. */
export class StatefulGraph {
  readonly graph = new GraphDefinition();
  readonly variables: StateVariable[] = [];
  readonly outputs = new Map<string, string>();

  /** Declares a variable. Its `read` node returns the value before any update of the same run that has `read` as a control input. */
  variable(name: string, shape: readonly number[]): StateVariable {
    const handle = this.graph.add(
      'VarHandleOp',
      [],
      { dtype: FLOAT, shape: attribute.shape(shape), shared_name: attribute.text(name), container: attribute.text('') },
      `variable/${name}`,
    );
    const read = this.graph.add('ReadVariableOp', [handle], { dtype: FLOAT }, `read/${name}`);
    const variable = { name, shape, handle, read };
    this.variables.push(variable);
    return variable;
  }

  /** Assigns a variable after it has been read; returns the control reference of the update. */
  assign(variable: StateVariable, value: string): string {
    return `^${this.graph.add('AssignVariableOp', [variable.handle, value, `^${variable.read}`], { dtype: FLOAT })}`;
  }

  input(name: string, dataType: number, shape: readonly number[]): string {
    return this.graph.add('Placeholder', [], { dtype: attribute.type(dataType), shape: attribute.shape(shape) }, `input/${name}`);
  }

  /** Makes `value` available as the output `name`. A run finishes the updates before it returns the output. */
  output(name: string, dataType: number, value: string, updates: readonly string[]): void {
    this.outputs.set(name, this.graph.add('Identity', [value, ...updates], { T: attribute.type(dataType) }, `output/${name}`));
  }
}

/** An input of a run. `dataType` is TensorFlow's number; the values are shared with TensorFlow, not copied, until the run returns. */
export type Feed = { readonly dataType: number; readonly shape: readonly number[]; readonly values: TypedValues };

/**
 * Copies a native tensor into TensorFlow's own memory. Without the copy, a variable that is set from an aligned JavaScript array would
 * share the array's memory. The next update would change the array. A later update would release the array on a TensorFlow thread, which
 * must not touch JavaScript's heap, and the process would sometimes crash.
 */
function ownCopy(id: number): number {
  const [copy] = nativeBackend().binding.executeOp('DeepCopy', [typeAttribute('T')], [id], 1);
  if (!copy) throw new Error('TensorFlow returned no copy');
  return copy.id;
}

export class GraphSession {
  readonly #session: number;
  readonly #variables: readonly StateVariable[];
  readonly #outputs: ReadonlyMap<string, string>;

  /**
   * Writes and loads the graph, with session settings if given. The state is undefined until `writeState`, `takeState` or `moveState` sets
   * it.
   */
  constructor(stateful: StatefulGraph, config?: Uint8Array) {
    const { graph } = stateful;
    for (const variable of stateful.variables) {
      const value = graph.add('Placeholder', [], { dtype: FLOAT, shape: attribute.shape(variable.shape) }, `initial/${variable.name}`);
      graph.add('AssignVariableOp', [variable.handle, value], { dtype: FLOAT }, `initialize/${variable.name}`);
    }
    const after = stateful.variables.map(({ name }) => `^initialize/${name}`);
    const zero = graph.integers([0]);
    graph.add('Identity', [zero, ...after], { T: attribute.type(DATA_TYPE.int32) }, 'initialized');
    this.#variables = [...stateful.variables];
    this.#outputs = new Map(stateful.outputs);
    const folder = mkdtempSync(join(tmpdir(), 'carpal-graph-'));
    try {
      writeFileSync(join(folder, 'saved_model.pb'), graph.savedModel());
      if (config) writeFileSync(join(folder, 'session_config.pb'), config);
      this.#session = nativeBackend().binding.loadSavedModel(folder, 'serve');
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** Runs the graph once and returns the wanted outputs. All updates that they depend on are finished then. */
  run(feeds: Readonly<Record<string, Feed>>, wanted: readonly string[]): Map<string, TypedValues> {
    const { binding } = nativeBackend();
    const names = Object.keys(feeds);
    const ids = Object.values(feeds).map(({ shape, dataType, values }) => binding.createTensor(shape, dataType, values));
    try {
      const outputs = wanted.map((name) => `${this.#outputs.get(name) ?? `output/${name}`}:0`);
      const fetched = binding.runSavedModel(this.#session, ids, names.map((name) => `input/${name}:0`).join(','), outputs.join(','));
      return new Map(wanted.map((name, index) => [name, this.#take(fetched[index])]));
    } finally {
      for (const id of ids) binding.deleteTensor(id);
    }
  }

  /** Sets all state. Throws if an array is missing or has another shape. */
  writeState(arrays: NamedArrays): void {
    const { binding } = nativeBackend();
    this.#initialize(({ name, shape }) => {
      const array = arrays.get(name);
      if (!array || array.shape.join() !== shape.join()) throw new Error(`state "${name}" of shape [${shape.join()}] is missing`);
      const id = binding.createTensor(shape, DATA_TYPE.float32, array.data);
      try {
        return ownCopy(id);
      } finally {
        binding.deleteTensor(id);
      }
    });
  }

  /**
   * Copies all state from the variables of the same names, without copies in JavaScript. Calls `release` with each variable as soon as its
   * values are copied: two copies of all values would be the peak of training memory (HRNet's weights and slots are 790 MB).
   */
  takeState(variables: readonly NamedVariable[], release: (variable: Variable) => void): void {
    const byName = new Map(variables.map(({ name, variable }) => [name, variable]));
    const missing = this.#variables.find(({ name }) => !byName.has(name));
    if (missing) throw new Error(`state "${missing.name}" is missing`);
    this.#initialize(({ name }) => {
      const variable = byName.get(name) as Variable;
      const id = ownCopy(nativeId(variable));
      release(variable);
      return id;
    });
  }

  /**
   * Moves the state of another session, which has the same variables, into this session. Afterwards the other session must only be disposed
   * of.
   */
  moveState(former: GraphSession): void {
    const { binding } = nativeBackend();
    const reads = this.#variables.map(({ read }) => `${read}:0`).join(',');
    const values = binding.runSavedModel(former.#session, [], '', reads);
    // No copy is needed: the values are in TensorFlow's own memory, and only the other session could write to it.
    this.#initialize((_, index) => values[index]?.id as number);
  }

  /** Returns a copy of all state. Call it between two runs. */
  readState(): NamedArrays {
    const { binding } = nativeBackend();
    const fetched = binding.runSavedModel(this.#session, [], '', this.#variables.map(({ read }) => `${read}:0`).join(','));
    return new Map(
      this.#variables.map(({ name, shape }, index) => [name, { shape: [...shape], data: this.#take(fetched[index]) as Float32Array }]),
    );
  }

  dispose(): void {
    nativeBackend().binding.deleteSavedModel(this.#session);
  }

  /** Sets each variable to the native tensor that `make` returns. The variables use the tensors' memory, so nothing else may share it. */
  #initialize(make: (variable: StateVariable, index: number) => number): void {
    const { binding } = nativeBackend();
    const ids: number[] = [];
    try {
      for (const [index, variable] of this.#variables.entries()) ids.push(make(variable, index));
      const inputs = this.#variables.map(({ name }) => `initial/${name}:0`).join(',');
      const [done] = binding.runSavedModel(this.#session, ids, inputs, 'initialized:0');
      if (done) binding.deleteTensor(done.id);
    } finally {
      for (const id of ids) binding.deleteTensor(id);
    }
  }

  /** Returns the values of a native tensor and deletes the tensor. */
  #take(native: NativeTensor | undefined): TypedValues {
    if (!native) throw new Error('the session returned fewer outputs than requested');
    const { binding } = nativeBackend();
    const values = binding.tensorDataSync(native.id);
    binding.deleteTensor(native.id);
    return values;
  }
}
