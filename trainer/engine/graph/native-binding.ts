/**
 * The parts of tfjs-node 4.22 below its public API that recording and running graphs rely on. They are private there, so the version is
 * pinned and native-binding.test.ts holds each fact stated here.
 */
import type { KernelAttribute } from '../kernels.ts';
import { type Tensor, tf } from '../tensorflow.ts';

/** What the binding says of a tensor that it holds. `dtype` is TensorFlow's number for the element type. */
export type NativeTensor = { readonly id: number; readonly shape: readonly number[]; readonly dtype: number };

export type TypedValues = Float32Array | Int32Array | Uint8Array;

/** The native module: every kernel that tfjs runs goes through `executeOp`, every upload through `createTensor`. */
export type NativeBinding = {
  executeOp(name: string, attributes: readonly KernelAttribute[], inputIds: readonly number[], outputs: number): NativeTensor[];
  /** The typed array's memory is shared with the tensor, not copied: it must not change before the tensor is deleted. */
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

/** What stands between tfjs and the native module while something is recorded. */
export type NativeStandIn = {
  /** Takes the place of a kernel: says what it would give. Ids that it makes up are negative, so that tfjs deletes nothing of theirs. */
  execute(name: string, attributes: readonly KernelAttribute[], inputIds: readonly number[], outputs: number): NativeTensor[];
  /** Hears of values that JavaScript hands over; they are uploaded all the same. */
  uploaded(id: number, shape: readonly number[], dataType: number, values: TypedValues): void;
  /** Hears that values are to be read, before they are; throws where they cannot. */
  read(id: number): void;
};

/** Runs `work` with the stand-in in the native module's place, and puts the module back afterwards, also after an error. */
export function withStandIn<T>(standIn: NativeStandIn, work: () => T): T {
  const backend = nativeBackend();
  const original = backend.binding;
  // The module's own fields are read-only: work on an object that stands before it.
  const replaced = Object.create(original) as NativeBinding;
  Object.defineProperties(replaced, {
    executeOp: { value: standIn.execute },
    createTensor: {
      value: (shape: number[], dataType: number, values: TypedValues): number => {
        const id = original.createTensor(shape, dataType, values);
        standIn.uploaded(id, shape, dataType, values);
        return id;
      },
    },
    tensorDataSync: {
      value: (id: number): TypedValues => {
        standIn.read(id);
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
 * A tensor without values: it has a shape and a type, and takes no memory. To be handed to what is recorded; whatever else reads it or
 * computes with it fails. It belongs to the enclosing tidy, like any other.
 */
export function describedTensor(shape: readonly number[], dtype: number): Tensor {
  return nativeBackend().createOutputTensor({ id: nextDescribedId(), shape: [...shape], dtype });
}

let describedIds = -1;

/** Ids of values that were never computed. tfjs deletes those from 0 on, and takes -1 for one that is yet to be uploaded. */
export function nextDescribedId(): number {
  describedIds -= 1;
  return describedIds;
}
