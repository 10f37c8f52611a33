/**
 * TensorFlow's own kernels, called by name. tfjs wraps only some of them, and differentiates many by several small kernels where TensorFlow
 * has one; the operations in ops/ are built on this. Tensors made here belong to the enclosing `tf.tidy`, like any other. Nothing is
 * recorded for differentiation: wrap the call by `withGradient`.
 */
import { type Tensor, tf } from './tensorflow.ts';

/** Kinds of attribute and types of data, numbered as in TensorFlow's C API (TF_AttrType, TF_DataType); they have never changed. */
const ATTRIBUTE = { text: 0, integer: 1, float: 2, boolean: 3, type: 4 } as const;
export const TYPE = { float32: 1, int32: 3, uint8: 4, int64: 9 } as const;

/** An attribute of a kernel, as the binding takes it. */
export type Attribute = { readonly name: string; readonly type: number; readonly value: unknown };

export const typeAttribute = (name: string, value: number = TYPE.float32): Attribute => ({ name, type: ATTRIBUTE.type, value });
export const textAttribute = (name: string, value: string): Attribute => ({ name, type: ATTRIBUTE.text, value });
export const floatAttribute = (name: string, value: number): Attribute => ({ name, type: ATTRIBUTE.float, value });
export const integerAttribute = (name: string, value: number): Attribute => ({ name, type: ATTRIBUTE.integer, value });
export const integersAttribute = (name: string, value: readonly number[]): Attribute => ({ name, type: ATTRIBUTE.integer, value });
export const booleanAttribute = (name: string, value: boolean): Attribute => ({ name, type: ATTRIBUTE.boolean, value });

/** What tfjs-node's backend keeps for each tensor; `values` wait there until the first kernel needs them. */
type TensorEntry = { shape: number[]; dtype: number; values: Uint8Array | null; id: number; refCount: number };

/** The private part of tfjs-node 4.22 that this file relies on (dist/nodejs_kernel_backend.js); kernels.test.ts guards it. */
type NodeBackend = {
  executeSingleOutput(name: string, attributes: readonly Attribute[], inputs: readonly Tensor[]): Tensor;
  executeMultipleOutputs(name: string, attributes: readonly Attribute[], inputs: readonly Tensor[], outputs: number): Tensor[];
  tensorMap: { set(dataId: object, entry: TensorEntry): void };
};

const backend = (): NodeBackend => tf.backend() as unknown as NodeBackend;

/** Runs a kernel that has one output. Throws TensorFlow's own message when it refuses shapes or attributes. */
export function runKernel<Output extends Tensor = Tensor>(
  name: string,
  attributes: readonly Attribute[],
  inputs: readonly Tensor[],
): Output {
  return backend().executeSingleOutput(name, attributes, inputs) as Output;
}

/** Runs a kernel that has `outputs` outputs. */
export function runKernelOutputs(name: string, attributes: readonly Attribute[], inputs: readonly Tensor[], outputs: number): Tensor[] {
  return backend().executeMultipleOutputs(name, attributes, inputs, outputs);
}

/**
 * A tensor of bytes over the given array, which TensorFlow reads in place or copies as bytes (tfjs has no such type: the tensor calls itself
 * int32, and only kernels given `uint8` as its type may take it). Four times less to move than float32, and no loop in JavaScript.
 */
export function byteTensor(values: Uint8Array, shape: readonly number[]): Tensor {
  const dataId = {};
  backend().tensorMap.set(dataId, { shape: [...shape], dtype: TYPE.uint8, values, id: -1, refCount: 1 });
  return tf.engine().makeTensorFromTensorInfo({ dataId, shape: [...shape], dtype: 'int32' });
}

const CAST_BYTES = [typeAttribute('SrcT', TYPE.uint8), typeAttribute('DstT', TYPE.float32), booleanAttribute('Truncate', false)];

/** The float32 values of a tensor made by `byteTensor`. */
export function floatsOfBytes<Output extends Tensor = Tensor>(bytes: Tensor): Output {
  return runKernel<Output>('Cast', CAST_BYTES, [bytes]);
}
