/**
 * A tape: the TensorFlow operations of one eager step, in order, with what flows between them. Recording lets the step run on tensors that
 * have shapes and no values, and takes down what it calls; nothing about the step has to be written in a special way.
 */
import type { KernelAttribute } from '../kernels.ts';
import { type Tensor, tf } from '../tensorflow.ts';
import { DATA_TYPE } from './graph-definition.ts';
import { type NativeTensor, nativeDataType, nativeId, nextDescribedId, type TypedValues, withStandIn } from './native-binding.ts';
import { NotRecordable } from './not-recordable.ts';
import { outputShapes, type ShapedInput } from './output-shapes.ts';

export type TapedOperation = {
  readonly name: string;
  readonly attributes: readonly KernelAttribute[];
  readonly inputIds: readonly number[];
  readonly outputs: readonly NativeTensor[];
};

/** A value that the step took from JavaScript: made in it, or standing outside it without being an input or a variable. */
export type TapedConstant = { readonly shape: readonly number[]; readonly dtype: number; readonly bytes: Uint8Array };

/** Where a step begins: a tensor fed anew each time, or a variable's value. `id` is the native id that the step saw. */
export type Leaf = { readonly name: string; readonly id: number; readonly shape: readonly number[]; readonly dtype: number };

export type Tape = {
  readonly operations: readonly TapedOperation[];
  readonly constants: ReadonlyMap<number, TapedConstant>;
  readonly inputs: readonly Leaf[];
  readonly variables: readonly Leaf[];
  /** The native id of each result. */
  readonly results: ReadonlyMap<string, NativeTensor>;
  /** Native ids of the values that variables had after the step, where it assigned them. */
  readonly assigned: ReadonlyMap<string, NativeTensor>;
};

/** A variable whose value the step reads, and may assign. */
export type TapedVariable = { readonly name: string; readonly variable: Tensor };

/** A copy of the values' bytes in the tensor's element type (tfjs hands booleans and numbers over in several array types). */
function bytesOf(values: TypedValues | readonly number[], dtype: number): Uint8Array {
  if (ArrayBuffer.isView(values)) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
  if (dtype === DATA_TYPE.int32) return new Uint8Array(Int32Array.from(values).buffer);
  if (dtype === DATA_TYPE.bool) return Uint8Array.from(values);
  return new Uint8Array(Float32Array.from(values).buffer);
}

const native = (tensor: Tensor): NativeTensor => ({ id: nativeId(tensor), shape: [...tensor.shape], dtype: nativeDataType(tensor) });
const leaf = (name: string, tensor: Tensor): Leaf => ({ name, ...native(tensor) });

/** Outputs whose shape TensorFlow leaves open, and which only the gradient's kernel of the same layer reads. */
const UNSHAPED: Readonly<Record<string, readonly number[]>> = { FusedBatchNormV3: [5] };

/**
 * Runs `step` once and returns its tape. None of its kernels is run: each result has the shape and type that TensorFlow's shape functions
 * give it and no values, so a recording takes neither the time nor the memory of a step. What is left of it (results, values that variables
 * were assigned) has no values either.
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
    if (!value) throw new NotRecordable(`${name} reads a tensor from outside that is neither an input nor a variable`);
    return value;
  };

  const results = withStandIn(
    {
      execute(name, attributes, inputIds, count) {
        const inputs = inputIds.map((id) => given(id, name));
        const outputs = outputShapes(name, attributes, inputs)
          .slice(0, count)
          .map(({ dtype, shape }, position): NativeTensor => {
            if (!shape && !UNSHAPED[name]?.includes(position)) throw new NotRecordable(`the shape of what ${name} gives depends on values`);
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
        if (!constants.has(id)) throw new NotRecordable('it reads the values of a tensor in JavaScript (dataSync)');
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

/** Where each value comes from that was not made in JavaScript, in words that all recordings of one program have in common. */
function originsOf({ operations, inputs, variables }: Tape): ReadonlyMap<number, string> {
  const leaves = [...inputs, ...variables].map(({ id, name }) => [id, name] as const);
  const outputs = operations.flatMap((operation, index) =>
    operation.outputs.map(({ id }, position) => [id, `${index}:${position}`] as const),
  );
  return new Map([...leaves, ...outputs]);
}

/**
 * Why two recordings of the same step are not the same program, or undefined if they are: JavaScript that drew random numbers or counted steps
 * shows here. (What branches on data has to read it, which no recording lets it.)
 */
export function difference(first: Tape, second: Tape): string | undefined {
  if (first.operations.length !== second.operations.length) {
    return `it runs ${first.operations.length} operations one time and ${second.operations.length} the next`;
  }
  const [origins, otherOrigins] = [originsOf(first), originsOf(second)];
  /** What of a value is not the same in both. */
  const change = (id: number, otherId: number | undefined): string | undefined => {
    const [constant, other] = [first.constants.get(id), second.constants.get(otherId ?? -1)];
    const isSame =
      constant && other ? Buffer.compare(constant.bytes, other.bytes) === 0 : origins.get(id) === otherOrigins.get(otherId ?? -1);
    if (isSame) return undefined;
    return constant && other ? 'is a value made in JavaScript that changes between steps' : 'comes from elsewhere the next time';
  };
  for (const [index, one] of first.operations.entries()) {
    const other = second.operations[index];
    if (!other || one.name !== other.name || attributesText(one) !== attributesText(other)) {
      return `operation ${index} is ${one.name} one time and ${other?.name} (or its attributes differ) the next`;
    }
    for (const [position, id] of one.inputIds.entries()) {
      const why = change(id, other.inputIds[position]);
      if (why !== undefined) return `input ${position} of operation ${index} (${one.name}) ${why}`;
    }
  }
  for (const kind of ['results', 'assigned'] as const) {
    if ([...first[kind].keys()].join() !== [...second[kind].keys()].join()) return `its ${kind} values are others the next time`;
    for (const [name, { id }] of first[kind]) {
      const why = change(id, second[kind].get(name)?.id);
      if (why !== undefined) return `${name} ${why}`;
    }
  }
  return undefined;
}
