/**
 * Calls TensorFlow's kernels by name. tfjs wraps only some of them, and it differentiates many with several small kernels although
 * TensorFlow has a single one. The operations in ops/ use this file. Tensors made here belong to the enclosing `tf.tidy`, like any other.
 */
import { type Tensor, tf } from './tensorflow.ts';

/** Numbers of attribute kinds and element types in TensorFlow's C API (TF_AttrType, TF_DataType). */
const ATTRIBUTE = { text: 0, integer: 1, float: 2, boolean: 3, type: 4 } as const;
export const TYPE = { float32: 1, int32: 3, uint8: 4, int64: 9 } as const;

/** An attribute of a kernel in the form that tfjs-node's binding accepts. `type` is a TF_AttrType; 5 is a shape. */
export type KernelAttribute = { readonly name: string; readonly type: number; readonly value: unknown };

export const typeAttribute = (name: string, value: number = TYPE.float32): KernelAttribute => ({ name, type: ATTRIBUTE.type, value });
export const textAttribute = (name: string, value: string): KernelAttribute => ({ name, type: ATTRIBUTE.text, value });
export const floatAttribute = (name: string, value: number): KernelAttribute => ({ name, type: ATTRIBUTE.float, value });
export const integerAttribute = (name: string, value: number): KernelAttribute => ({ name, type: ATTRIBUTE.integer, value });
export const integersAttribute = (name: string, value: readonly number[]): KernelAttribute => ({ name, type: ATTRIBUTE.integer, value });
export const booleanAttribute = (name: string, value: boolean): KernelAttribute => ({ name, type: ATTRIBUTE.boolean, value });

/** What tfjs-node's backend keeps for each tensor. `values` stay here until the first kernel needs them. */
type TensorEntry = { shape: number[]; dtype: number; values: Uint8Array | null; id: number; refCount: number };

/** The private part of tfjs-node 4.22 that this file relies on (dist/nodejs_kernel_backend.js); kernels.test.ts checks it. */
type NodeBackend = {
  executeSingleOutput(name: string, attributes: readonly KernelAttribute[], inputs: readonly Tensor[]): Tensor;
  executeMultipleOutputs(name: string, attributes: readonly KernelAttribute[], inputs: readonly Tensor[], outputs: number): Tensor[];
  tensorMap: { set(dataId: object, entry: TensorEntry): void };
};

const backend = (): NodeBackend => tf.backend() as unknown as NodeBackend;

/**
 * Runs a kernel that has one output. tfjs does not differentiate it: wrap the call in `withGradient` if a gradient is needed. Throws an
 * error with TensorFlow's message if the kernel refuses shapes or attributes.
 */
export function runKernel<Output extends Tensor = Tensor>(
  name: string,
  attributes: readonly KernelAttribute[],
  inputs: readonly Tensor[],
): Output {
  return backend().executeSingleOutput(name, attributes, inputs) as Output;
}

/** Like {@link runKernel}, for a kernel that has `outputs` outputs. */
export function runKernelOutputs(
  name: string,
  attributes: readonly KernelAttribute[],
  inputs: readonly Tensor[],
  outputs: number,
): Tensor[] {
  return backend().executeMultipleOutputs(name, attributes, inputs, outputs);
}

/**
 * An output, and the function that computes the gradients of the inputs from the output's gradient. `gradient` may use only `saved`: other
 * tensors may already be disposed of.
 */
type Differentiable<Output extends Tensor> = {
  readonly value: Output;
  readonly saved: readonly Tensor[];
  /** One gradient per input, in the same order. */
  readonly gradient: (dy: Output, saved: readonly Tensor[]) => Tensor[];
};

/**
 * A typed `tf.customGrad`: runs `forward`. tfjs then calls the returned `gradient` instead of differentiating the operations of `forward`.
 */
export function withGradient<Output extends Tensor>(inputs: readonly Tensor[], forward: () => Differentiable<Output>): Output {
  const operation = tf.customGrad((...received) => {
    const save = received.at(-1) as (tensors: Tensor[]) => void;
    const { value, saved, gradient } = forward();
    save([...saved]);
    return { value, gradFunc: (dy, kept) => gradient(dy as Output, kept) };
  });
  return operation(...inputs) as Output;
}

/**
 * A tensor of bytes over the given array. TensorFlow reads the array in place or copies it as bytes. tfjs has no byte type: the tensor
 * reports int32, and only kernels with the type attribute `uint8` may use it. It needs a quarter of the memory traffic of float32, and no
 * loop in JavaScript.
 */
export function byteTensor(values: Uint8Array, shape: readonly number[]): Tensor {
  const dataId = {};
  backend().tensorMap.set(dataId, { shape: [...shape], dtype: TYPE.uint8, values, id: -1, refCount: 1 });
  return tf.engine().makeTensorFromTensorInfo({ dataId, shape: [...shape], dtype: 'int32' });
}

const CAST_BYTES = [typeAttribute('SrcT', TYPE.uint8), typeAttribute('DstT', TYPE.float32), booleanAttribute('Truncate', false)];

/** The values of a tensor made by `byteTensor`, as float32. */
export function floatsOfBytes<Output extends Tensor = Tensor>(bytes: Tensor): Output {
  return runKernel<Output>('Cast', CAST_BYTES, [bytes]);
}
