import type { Invalid } from './invalid-file.ts';
import { Global, isTuple, PickledObject, type PickledValue, type PickleWorld } from './pickle-machine.ts';

/** How the values of a storage are written, little-endian. */
type ElementType = {
  readonly width: number;
  /** Reads one value as float32, rounded to the nearest. Absent for integers, which are counters and not weights. */
  readonly read?: (view: DataView, at: number) => number;
};

const scratch = new DataView(new ArrayBuffer(4));

/** The upper half of a float32. */
function readBFloat16(view: DataView, at: number): number {
  scratch.setUint32(0, view.getUint16(at, true) * 0x1_00_00);
  return scratch.getFloat32(0);
}

const ELEMENTS: Readonly<Record<string, ElementType>> = {
  'torch.FloatStorage': { width: 4, read: (view, at) => view.getFloat32(at, true) },
  'torch.HalfStorage': { width: 2, read: (view, at) => view.getFloat16(at, true) },
  'torch.BFloat16Storage': { width: 2, read: readBFloat16 },
  'torch.DoubleStorage': { width: 8, read: (view, at) => view.getFloat64(at, true) },
  'torch.LongStorage': { width: 8 },
  'torch.IntStorage': { width: 4 },
  'torch.ShortStorage': { width: 2 },
  'torch.CharStorage': { width: 1 },
  'torch.ByteStorage': { width: 1 },
  'torch.BoolStorage': { width: 1 },
};

/** The values that tensors share. `key` is its name in the file. */
export class Storage extends PickledObject {
  readonly key: string;
  readonly type: ElementType;
  readonly count: number;
  constructor(key: string, type: ElementType, count: number) {
    super();
    this.key = key;
    this.type = type;
    this.count = count;
  }
}

/** A part of a storage, seen as an array. All its values are inside the storage, and it has at most as many as the storage. */
export class StoredTensor extends PickledObject {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    super();
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

const MOST_AXES = 8;

const isCount = (value: PickledValue | undefined): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isShape = (value: PickledValue | undefined): value is number[] =>
  value !== undefined && isTuple(value) && value.length <= MOST_AXES && value.every(isCount);

/** The functions and names that tensors need in a pickle. Everything that they get is checked; `invalid` makes the error. */
export function tensorWorld(invalid: Invalid): PickleWorld {
  const tensor = ([storage, offset, shape, strides]: readonly PickledValue[]): StoredTensor => {
    if (!(storage instanceof Storage) || !isCount(offset) || !isShape(shape) || !isShape(strides) || strides.length !== shape.length) {
      throw invalid('a tensor has an unusable storage, offset, shape or stride');
    }
    const count = shape.reduce((product, extent) => product * extent, 1);
    const last = shape.reduce((sum, extent, axis) => sum + (extent - 1) * (strides[axis] as number), offset);
    if (count > storage.count || (count > 0 && last >= storage.count)) {
      throw invalid(`a tensor of shape [${shape.join(', ')}] reaches beyond the ${storage.count} values of storage ${storage.key}`);
    }
    return new StoredTensor(storage, offset, [...shape], [...strides]);
  };
  const parameter = ([data]: readonly PickledValue[]): StoredTensor => {
    if (data instanceof StoredTensor) return data;
    throw invalid('a parameter is not a tensor');
  };
  const storages = new Map<string, Storage>();
  const persistent = (id: PickledValue): Storage => {
    const [kind, type, key, , count, view = null] = isTuple(id) ? id : [];
    const element = type instanceof Global && Object.hasOwn(ELEMENTS, type.name) ? ELEMENTS[type.name] : undefined;
    if (kind !== 'storage' || !element || typeof key !== 'string' || !isCount(count))
      throw invalid('a storage has an unusable description');
    if (view !== null) throw invalid(`storage ${key} is a part of another storage, as versions of PyTorch before 0.4 wrote them`);
    const known = storages.get(key);
    if (known && (known.type !== element || known.count !== count)) throw invalid(`storage ${key} is described in two ways`);
    const storage = known ?? new Storage(key, element, count);
    storages.set(key, storage);
    return storage;
  };
  return {
    globals: new Map<string, ((args: readonly PickledValue[]) => PickledValue) | undefined>([
      ['collections.OrderedDict', orderedDict(invalid)],
      ['torch._utils._rebuild_tensor_v2', tensor],
      ['torch._utils._rebuild_parameter', parameter],
      ...Object.keys(ELEMENTS).map((name) => [name, undefined] as const),
    ]),
    persistent,
  };
}

/** OrderedDict(), or OrderedDict(pairs) as Python 2 wrote it. */
const orderedDict =
  (invalid: Invalid) =>
  ([pairs = []]: readonly PickledValue[]): PickledValue => {
    if (!Array.isArray(pairs) || !pairs.every((pair) => Array.isArray(pair) && pair.length === 2)) {
      throw invalid('a dictionary is not made of pairs');
    }
    return new Map(pairs as [PickledValue, PickledValue][]);
  };
