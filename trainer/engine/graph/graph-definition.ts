/**
 * Writes a TensorFlow graph: nodes, their attributes, and the SavedModel message that tfjs's binding and other programs load. Field numbers are from
 * tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape}.proto and
 * tensorflow/core/protobuf/{saved_model,meta_graph}.proto.
 */
import type { KernelAttribute } from '../kernels.ts';
import { NotRecordable } from './not-recordable.ts';
import { bytesField, floatField, integerField } from './protobuf.ts';

/** TensorFlow's numbers for element types (types.proto). */
export const DATA_TYPE = { float32: 1, int32: 3, uint8: 4, string: 7, int64: 9, bool: 10, bfloat16: 14, float16: 19 } as const;

/** An AttrValue message. */
export type Attribute = Buffer;

const dimensions = (shape: readonly number[]): Buffer => Buffer.concat(shape.map((size) => bytesField(2, integerField(1, size))));

/** The kinds of AttrValue that recorded operations have. */
export const attribute = {
  text: (value: string): Attribute => bytesField(2, value),
  integer: (value: number): Attribute => integerField(3, value),
  float: (value: number): Attribute => floatField(4, value),
  boolean: (value: boolean): Attribute => integerField(5, value ? 1 : 0),
  type: (value: number): Attribute => integerField(6, value),
  shape: (value: readonly number[]): Attribute => bytesField(7, dimensions(value)),
  integers: (values: readonly number[]): Attribute => bytesField(1, Buffer.concat(values.map((value) => integerField(3, value)))),
  floats: (values: readonly number[]): Attribute => bytesField(1, Buffer.concat(values.map((value) => floatField(4, value)))),
  booleans: (values: readonly boolean[]): Attribute => bytesField(1, Buffer.concat(values.map((value) => integerField(5, value ? 1 : 0)))),
  tensor: (dataType: number, shape: readonly number[], bytes: Uint8Array): Attribute =>
    bytesField(8, Buffer.concat([integerField(1, dataType), bytesField(2, dimensions(shape)), bytesField(4, bytes)])),
} as const;

/** Converts an attribute of a kernel, whose `type` is a TF_AttrType, to an attribute of a node. Throws `not-recordable` for other types. */
export function nodeAttribute({ name, type, value }: KernelAttribute): Attribute {
  const list = Array.isArray(value);
  if (type === 0) return attribute.text(String(value));
  if (type === 1) return list ? attribute.integers(value as number[]) : attribute.integer(Number(value));
  if (type === 2) return list ? attribute.floats(value as number[]) : attribute.float(Number(value));
  if (type === 3) return list ? attribute.booleans(value as boolean[]) : attribute.boolean(Boolean(value));
  if (type === 4) return attribute.type(Number(value));
  if (type === 5) return attribute.shape(value as number[]);
  throw new NotRecordable(`attribute ${name} has the unknown type ${type}`);
}

/** An input or output of a signature: the node that holds it, its element type and its shape. */
export type SignatureTensor = { readonly node: string; readonly dataType: number; readonly shape: readonly number[] };

/** What programs that load a SavedModel feed and read, by name. */
export type Signature = {
  readonly inputs: Readonly<Record<string, SignatureTensor>>;
  readonly outputs: Readonly<Record<string, SignatureTensor>>;
};

/** The bytes of a SignatureDef for serving. */
function signatureBytes({ inputs, outputs }: Signature): Buffer {
  const entries = (field: number, tensors: Signature['inputs']): Buffer[] =>
    Object.entries(tensors).map(([name, { node, dataType, shape }]) => {
      const information = Buffer.concat([bytesField(1, `${node}:0`), integerField(2, dataType), bytesField(3, dimensions(shape))]);
      return bytesField(field, Buffer.concat([bytesField(1, name), bytesField(2, information)]));
    });
  return Buffer.concat([...entries(1, inputs), ...entries(2, outputs), bytesField(3, 'tensorflow/serving/predict')]);
}

/** The graph version of TensorFlow 2.18, which its loader accepts without a conversion (core/public/version.h). */
const PRODUCER = 1500;

/**
 * A graph under construction. A reference to a node is its name, `name:k` for its k-th output, or `^name` for a control input (run after
 * that node).
 */
export class GraphDefinition {
  readonly #nodes: Buffer[] = [];
  readonly #names = new Set<string>();

  /** Adds a node and returns its name. `name` must be new; without one, a name is generated. */
  add(operation: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>>, name?: string): string {
    const own = name ?? `${operation}_${this.#nodes.length}`;
    if (this.#names.has(own)) throw new Error(`the graph already has a node "${own}"`);
    this.#names.add(own);
    // A NodeDef lists control inputs after data inputs.
    const ordered = [...inputs.filter((input) => !input.startsWith('^')), ...inputs.filter((input) => input.startsWith('^'))];
    const fields = [
      bytesField(1, own),
      bytesField(2, operation),
      ...ordered.map((input) => bytesField(3, input)),
      ...Object.entries(attributes).map(([key, value]) => bytesField(5, Buffer.concat([bytesField(1, key), bytesField(2, value)]))),
    ];
    this.#nodes.push(bytesField(1, Buffer.concat(fields)));
    return own;
  }

  /** A Const node with raw little-endian element bytes. */
  constant(dataType: number, shape: readonly number[], bytes: Uint8Array, name?: string): string {
    return this.add('Const', [], { dtype: attribute.type(dataType), value: attribute.tensor(dataType, shape, bytes) }, name);
  }

  /** A float32 scalar. */
  float(value: number): string {
    return this.constant(DATA_TYPE.float32, [], new Uint8Array(new Float32Array([value]).buffer));
  }

  /** An int32 vector. */
  integers(values: readonly number[]): string {
    return this.constant(DATA_TYPE.int32, [values.length], new Uint8Array(new Int32Array(values).buffer));
  }

  /** The bytes of a GraphDef. */
  bytes(): Buffer {
    return Buffer.concat([...this.#nodes, bytesField(4, integerField(1, PRODUCER))]);
  }

  /** The bytes of `saved_model.pb`: one meta graph with the tag `serve`, and with the signature `serving_default` if one is given. */
  savedModel(signature?: Signature): Buffer {
    const information = Buffer.concat([bytesField(4, 'serve'), bytesField(5, '2.18.1')]);
    const parts = [bytesField(1, information), bytesField(2, this.bytes())];
    if (signature) parts.push(bytesField(5, Buffer.concat([bytesField(1, 'serving_default'), bytesField(2, signatureBytes(signature))])));
    const metaGraph = Buffer.concat(parts);
    return Buffer.concat([integerField(1, 1), bytesField(2, metaGraph)]);
  }
}
