/**
 * The parts of tfjs-node 4.22 below its public API that recording and running graphs rely on. They are private there, so the version is
 * pinned and native-binding.test.ts holds each fact stated here.
 */
import type { Tensor } from '../tensorflow.ts';
import { tf } from '../tensorflow.ts';

/** What the binding says of a tensor that it holds. `dtype` is TensorFlow's number for the element type. */
export type NativeTensor = { readonly id: number; readonly shape: readonly number[]; readonly dtype: number };

/** An operation's attribute; `type` is TF_AttrType: 0 text, 1 integer, 2 float, 3 boolean, 4 element type, 5 shape. */
export type NativeAttribute = { readonly name: string; readonly type: number; readonly value: unknown };

export type TypedValues = Float32Array | Int32Array | Uint8Array;

/** The native module: every kernel that tfjs runs goes through `executeOp`, every upload through `createTensor`. */
export type NativeBinding = {
  executeOp(name: string, attributes: readonly NativeAttribute[], inputIds: readonly number[], outputs: number): NativeTensor[];
  /** The typed array's memory is shared with the tensor, not copied: it must not change before the tensor is deleted. */
  createTensor(shape: readonly number[], dataType: number, values: TypedValues): number;
  tensorDataSync(id: number): TypedValues;
  deleteTensor(id: number): void;
  loadSavedModel(folder: string, tags: string): number;
  /** `inputs` and `outputs` are comma-separated `node:index`. */
  runSavedModel(session: number, inputIds: readonly number[], inputs: string, outputs: string): NativeTensor[];
  deleteSavedModel(session: number): void;
};

/** tfjs's Node backend: maps its tensors to native ones. */
export type NativeBackend = {
  binding: NativeBinding;
  /** The native ids of tfjs tensors; a tensor made in JavaScript is uploaded now. */
  getInputTensorIds(tensors: readonly { readonly dataId: object }[]): number[];
  createOutputTensor(native: NativeTensor): Tensor;
  readonly isUsingGpuDevice: boolean;
  readonly tensorMap: { get(dataId: object): { readonly dtype: number } };
};

/** The backend that tfjs runs on. */
export function nativeBackend(): NativeBackend {
  return tf.backend() as unknown as NativeBackend;
}

/** Whether TensorFlow found a GPU. */
export function hasGpu(): boolean {
  return nativeBackend().isUsingGpuDevice;
}

/** The native id of one tfjs tensor. */
export function nativeId(tensor: { readonly dataId: object }): number {
  const [id] = nativeBackend().getInputTensorIds([tensor]);
  if (id === undefined) throw new Error('tfjs returned no native id for a tensor');
  return id;
}

/** TensorFlow's number for the element type that a tensor really has (tfjs calls bytes int32). */
export function nativeDataType(tensor: { readonly dataId: object }): number {
  return nativeBackend().tensorMap.get(tensor.dataId).dtype;
}

/** Sees everything that reaches the native module while it is installed. */
export type NativeObserver = {
  executed(name: string, attributes: readonly NativeAttribute[], inputIds: readonly number[], outputs: readonly NativeTensor[]): void;
  uploaded(id: number, shape: readonly number[], dataType: number, values: TypedValues): void;
  read(id: number): void;
  /** Whether a tensor that tfjs deletes is to be deleted. */
  deletes?(id: number): boolean;
};

/** Runs `work` with `observer` between tfjs and the native module, and puts everything back afterwards, also after an error. */
export function observeNative<T>(observer: NativeObserver, work: () => T): T {
  const backend = nativeBackend();
  const original = backend.binding;
  // The module's own fields are read-only: work on an object that stands before it.
  const observed = Object.create(original) as NativeBinding;
  Object.defineProperties(observed, {
    executeOp: {
      value: (name: string, attributes: NativeAttribute[], inputIds: number[], count: number): NativeTensor[] => {
        const outputs = original.executeOp(name, attributes, inputIds, count);
        observer.executed(name, attributes, inputIds, outputs);
        return outputs;
      },
    },
    createTensor: {
      value: (shape: number[], dataType: number, values: TypedValues): number => {
        const id = original.createTensor(shape, dataType, values);
        observer.uploaded(id, shape, dataType, values);
        return id;
      },
    },
    tensorDataSync: {
      value: (id: number): TypedValues => {
        observer.read(id);
        return original.tensorDataSync(id);
      },
    },
  });
  Object.defineProperty(observed, 'deleteTensor', {
    value: (id: number): void => {
      if (observer.deletes?.(id) ?? true) original.deleteTensor(id);
    },
  });
  backend.binding = observed;
  try {
    return work();
  } finally {
    backend.binding = original;
  }
}
