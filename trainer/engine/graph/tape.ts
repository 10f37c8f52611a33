/**
 * A tape: the TensorFlow operations of one step, in order, with the values between them. A recording runs the step on tensors that have
 * shapes but no values, and lists every kernel that the step calls. The step needs no special code.
 */
import type { KernelAttribute } from '../kernels.ts';
import { type Tensor, tf } from '../tensorflow.ts';
import { DATA_TYPE } from './graph-definition.ts';
import { type NativeTensor, nativeDataType, nativeId, nextDescribedId, type TypedValues, withRecorder } from './native-binding.ts';
import { NotRecordable } from './not-recordable.ts';
import { outputShapes, type ShapedInput } from './output-shapes.ts';

export type TapedOperation = {
  readonly name: string;
  readonly attributes: readonly KernelAttribute[];
  readonly inputIds: readonly number[];
  readonly outputs: readonly NativeTensor[];
};

/** A value that the step passes from JavaScript to TensorFlow. */
export type TapedConstant = { readonly shape: readonly number[]; readonly dtype: number; readonly bytes: Uint8Array };

/**
 * A value that exists before the step: an input, which is fed in every run, or the value of a variable. `id` is its native id during the
 * recording.
 */
export type Leaf = { readonly name: string; readonly id: number; readonly shape: readonly number[]; readonly dtype: number };

export type Tape = {
  readonly operations: readonly TapedOperation[];
  readonly constants: ReadonlyMap<number, TapedConstant>;
  readonly inputs: readonly Leaf[];
  readonly variables: readonly Leaf[];
  /** The native id of each result. */
  readonly results: ReadonlyMap<string, NativeTensor>;
  /** The native ids of the values that the step assigned to variables. */
  readonly assigned: ReadonlyMap<string, NativeTensor>;
};

/** A variable that the step reads and may assign. */
export type TapedVariable = { readonly name: string; readonly variable: Tensor };

/** A copy of the values' bytes in the tensor's element type (tfjs passes booleans and numbers in several array types). */
function bytesOf(values: TypedValues | readonly number[], dtype: number): Uint8Array {
  if (ArrayBuffer.isView(values)) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
  if (dtype === DATA_TYPE.int32) return new Uint8Array(Int32Array.from(values).buffer);
  if (dtype === DATA_TYPE.bool) return Uint8Array.from(values);
  return new Uint8Array(Float32Array.from(values).buffer);
}

const native = (tensor: Tensor): NativeTensor => ({ id: nativeId(tensor), shape: [...tensor.shape], dtype: nativeDataType(tensor) });
const leaf = (name: string, tensor: Tensor): Leaf => ({ name, ...native(tensor) });

/** Outputs whose shape TensorFlow does not infer; only the gradient kernel of the same layer reads them. */
const UNSHAPED: Readonly<Record<string, readonly number[]>> = { FusedBatchNormV3: [5] };

/**
 * Runs `step` once and returns its tape. Runs no kernel: results get their shapes and types from TensorFlow's shape functions and have no
 * values. So a recording needs neither the time nor the memory of a step. Variables that the step assigns have no values afterwards. Throws
 * `not-recordable` for a step that reads values, uses tensors from outside, or has shapes that depend on values.
 */
export function record<Results extends Record<string, Tensor>>(
  step: () => Results,
  inputs: Readonly<Record<string, Tensor>>,
  variables: readonly TapedVariable[],
): { tape: Tape; results: Results } {
  const operations: TapedOperation[] = [];
  const constants = new Map<number, TapedConstant>();
  const inputLeaves = Object.entries(inputs).map(([name, tensor]) => leaf(name, tensor));
  const variableLeaves = variables.map(({ name, variable }) => leaf(name, variable));
  const values = new Map<number, ShapedInput>([...inputLeaves, ...variableLeaves].map((one) => [one.id, one]));
  if (values.size < inputLeaves.length + variableLeaves.length) throw new Error('two variables or inputs are one tensor');
  const given = (id: number, name: string): ShapedInput => {
    const value = values.get(id) ?? constants.get(id);
    if (!value) throw new NotRecordable(`${name} reads a tensor from outside the step that is neither an input nor a variable`);
    return value;
  };

  const results = withRecorder(
    {
      execute(name, attributes, inputIds, count) {
        const inputs = inputIds.map((id) => given(id, name));
        const outputs = outputShapes(name, attributes, inputs)
          .slice(0, count)
          .map(({ dtype, shape }, position): NativeTensor => {
            if (!shape && !UNSHAPED[name]?.includes(position))
              throw new NotRecordable(`the shape of an output of ${name} depends on values`);
            const id = nextDescribedId();
            values.set(id, { dtype, shape });
            return { id, dtype, shape: [...(shape ?? [])] };
          });
        operations.push({ name, attributes: attributes.map((one) => ({ ...one })), inputIds: [...inputIds], outputs });
        return outputs;
      },
      uploaded(id, shape, dtype, bytes) {
        constants.set(id, { shape: [...shape], dtype, bytes: bytesOf(bytes, dtype) });
      },
      read(id) {
        if (constants.has(id)) return;
        const origin = operations.find(({ outputs }) => outputs.some((output) => output.id === id));
        const what = origin === undefined ? 'an input or a variable' : `the result of ${origin.name}`;
        throw new NotRecordable(`JavaScript reads the values of ${what} (dataSync)`);
      },
    },
    () => tf.tidy(step) as Results,
  );

  const assigned = variables.flatMap(({ name, variable }, index): [string, NativeTensor][] => {
    const after = native(variable);
    return after.id === variableLeaves[index]?.id ? [] : [[name, after]];
  });
  return {
    tape: {
      operations,
      constants,
      inputs: inputLeaves,
      variables: variableLeaves,
      results: new Map(Object.entries(results).map(([name, tensor]) => [name, native(tensor)])),
      assigned: new Map(assigned),
    },
    results,
  };
}

const attributesText = (operation: TapedOperation): string => JSON.stringify(operation.attributes);

/** The origin of each value that was not made in JavaScript, in a form that is equal in all recordings of one program. */
function originsOf({ operations, inputs, variables }: Tape): ReadonlyMap<number, string> {
  const leaves = [...inputs, ...variables].map(({ id, name }) => [id, name] as const);
  const outputs = operations.flatMap((operation, index) =>
    operation.outputs.map(({ id }, position) => [id, `${index}:${position}`] as const),
  );
  return new Map([...leaves, ...outputs]);
}

/**
 * Why two recordings of one step are not the same program, or undefined if they are. This finds JavaScript that draws random numbers or
 * counts steps. (A step that branches on data has to read it, which no recording allows.)
 */
export function difference(first: Tape, second: Tape): string | undefined {
  if (first.operations.length !== second.operations.length) {
    return `the first recording has ${first.operations.length} operations and the second ${second.operations.length}`;
  }
  const [origins, otherOrigins] = [originsOf(first), originsOf(second)];
  /** What differs in a value between the recordings. */
  const change = (id: number, otherId: number | undefined): string | undefined => {
    const [constant, other] = [first.constants.get(id), second.constants.get(otherId ?? -1)];
    const isSame =
      constant && other ? Buffer.compare(constant.bytes, other.bytes) === 0 : origins.get(id) === otherOrigins.get(otherId ?? -1);
    if (isSame) return undefined;
    return constant && other ? 'is a value made in JavaScript that changes between steps' : 'has another origin in the second recording';
  };
  for (const [index, one] of first.operations.entries()) {
    const other = second.operations[index];
    if (!other || one.name !== other.name || attributesText(one) !== attributesText(other)) {
      return `operation ${index} is ${one.name} in the first recording and ${other?.name} (or has other attributes) in the second`;
    }
    for (const [position, id] of one.inputIds.entries()) {
      const why = change(id, other.inputIds[position]);
      if (why !== undefined) return `input ${position} of operation ${index} (${one.name}) ${why}`;
    }
  }
  for (const kind of ['results', 'assigned'] as const) {
    if ([...first[kind].keys()].join() !== [...second[kind].keys()].join()) return `the recordings have different ${kind} values`;
    for (const [name, { id }] of first[kind]) {
      const why = change(id, second[kind].get(name)?.id);
      if (why !== undefined) return `${name} ${why}`;
    }
  }
  return undefined;
}
