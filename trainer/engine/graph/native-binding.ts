/**
 * The private parts of tfjs-node 4.22 that recording and running graphs rely on. The version is pinned, and native-binding.test.ts checks
 * each fact stated here.
 */
import type { KernelAttribute } from '../kernels.ts';
import { type Tensor, tf } from '../tensorflow.ts';

/** A tensor in the binding. `dtype` is TensorFlow's number for the element type. */
export type NativeTensor = { readonly id: number; readonly shape: readonly number[]; readonly dtype: number };

export type TypedValues = Float32Array | Int32Array | Uint8Array;

/** The native module: every kernel that tfjs runs goes through `executeOp`, every upload through `createTensor`. */
export type NativeBinding = {
  /** The version of TensorFlow's library. */
  readonly TF_Version: string;
  executeOp(name: string, attributes: readonly KernelAttribute[], inputIds: readonly number[], outputs: number): NativeTensor[];
  /** The tensor shares the memory of the typed array: the array must not change before the tensor is deleted. */
  createTensor(shape: readonly number[], dataType: number, values: TypedValues): number;
  tensorDataSync(id: number): TypedValues;
  deleteTensor(id: number): void;
  loadSavedModel(folder: string, tags: string): number;
  /** `inputs` and `outputs` are comma-separated `node:index`. */
  runSavedModel(session: number, inputIds: readonly number[], inputs: string, outputs: string): NativeTensor[];
  deleteSavedModel(session: number): void;
  getNumOfSavedModels(): number;
};

/** tfjs's Node backend: maps its tensors to native ones. */
export type NativeBackend = {
  binding: NativeBinding;
  /** The native ids of tfjs tensors. Uploads tensors that were made in JavaScript. */
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

/** TensorFlow's number for the real element type of a tensor (tfjs calls bytes int32). */
export function nativeDataType(tensor: { readonly dataId: object }): number {
  return nativeBackend().tensorMap.get(tensor.dataId).dtype;
}

/** Replaces the native module while something is recorded. */
export type NativeRecorder = {
  /**
   * Called instead of a kernel; describes the kernel's outputs. Their ids are negative, so that tfjs does not delete them in the native
   * module.
   */
  execute(name: string, attributes: readonly KernelAttribute[], inputIds: readonly number[], outputs: number): NativeTensor[];
  /** Called for values that JavaScript passes to TensorFlow, after their upload. */
  uploaded(id: number, shape: readonly number[], dataType: number, values: TypedValues): void;
  /** Called before values are read; throws if they cannot be read. */
  read(id: number): void;
};

/** Runs `work` with the recorder in place of the native module, and restores the module afterwards, also after an error. */
export function withRecorder<T>(recorder: NativeRecorder, work: () => T): T {
  const backend = nativeBackend();
  const original = backend.binding;
  // The module's own fields are read-only, so an object that inherits from it overrides them.
  const replaced = Object.create(original) as NativeBinding;
  Object.defineProperties(replaced, {
    executeOp: { value: recorder.execute },
    createTensor: {
      value: (shape: number[], dataType: number, values: TypedValues): number => {
        const id = original.createTensor(shape, dataType, values);
        recorder.uploaded(id, shape, dataType, values);
        return id;
      },
    },
    tensorDataSync: {
      value: (id: number): TypedValues => {
        recorder.read(id);
        return original.tensorDataSync(id);
      },
    },
  });
  backend.binding = replaced;
  try {
    return work();
  } finally {
    backend.binding = original;
  }
}

/**
 * A tensor with a shape and a type, but without values or memory. Only recorded code can use it; reading it or computing with it outside a
 * recording fails. It belongs to the enclosing tidy, like any other tensor.
 */
export function describedTensor(shape: readonly number[], dtype: number): Tensor {
  return nativeBackend().createOutputTensor({ id: nextDescribedId(), shape: [...shape], dtype });
}

let describedIds = -1;

/** A new id for a value that is never computed. tfjs deletes tensors with ids from 0 up, and -1 means "not uploaded yet". */
export function nextDescribedId(): number {
  describedIds -= 1;
  return describedIds;
}
