/** Turns a tape into graph nodes: only what the wanted values depend on, constants inlined, variables read from session state. */
import { type Attribute, attribute, DATA_TYPE, type GraphDefinition } from './graph-definition.ts';
import type { NativeAttribute } from './native-binding.ts';
import { NotRecordable, type Tape, type TapedConstant } from './tape.ts';

const ELEMENT_BYTES: Readonly<Record<number, number>> = {
  [DATA_TYPE.float32]: 4,
  [DATA_TYPE.int32]: 4,
  [DATA_TYPE.bool]: 1,
  [DATA_TYPE.uint8]: 1,
};
/** tf.ones and tf.zeros are made in JavaScript and uploaded: above this size a uniform constant becomes a Fill node. */
const FILL_ABOVE_BYTES = 4096;

/** An eager attribute as a NodeDef attribute, by TF_AttrType. */
function attributeOf(given: NativeAttribute): Attribute {
  const { type, value } = given;
  const list = Array.isArray(value);
  if (type === 0) return attribute.text(String(value));
  if (type === 1) return list ? attribute.integers(value as number[]) : attribute.integer(Number(value));
  if (type === 2) return list ? attribute.floats(value as number[]) : attribute.float(Number(value));
  if (type === 3) return list ? attribute.booleans(value as boolean[]) : attribute.boolean(Boolean(value));
  if (type === 4) return attribute.type(Number(value));
  if (type === 5) return attribute.shape(value as number[]);
  throw new NotRecordable(`attribute ${given.name} has the unknown type ${type}`);
}

function addConstant(graph: GraphDefinition, constant: TapedConstant): string {
  const width = ELEMENT_BYTES[constant.dtype];
  if (width === undefined) throw new NotRecordable(`a constant has the element type ${constant.dtype}`);
  const { bytes } = constant;
  const uniform = bytes.length > FILL_ABOVE_BYTES && Buffer.compare(bytes.subarray(width), bytes.subarray(0, bytes.length - width)) === 0;
  if (!uniform) return graph.constant(constant.dtype, constant.shape, bytes);
  const inputs = [graph.integers(constant.shape), graph.constant(constant.dtype, [], bytes.subarray(0, width))];
  return graph.add('Fill', inputs, { T: attribute.type(constant.dtype), index_type: attribute.type(DATA_TYPE.int32) });
}

/** The indices of the operations that `wanted` values depend on. */
function liveOperations(tape: Tape, wanted: readonly number[]): Set<number> {
  const producer = new Map(tape.operations.flatMap((operation, index) => operation.outputs.map(({ id }) => [id, index] as const)));
  const live = new Set<number>();
  const stack = [...wanted];
  while (stack.length > 0) {
    const index = producer.get(stack.pop() ?? -1);
    if (index === undefined || live.has(index)) continue;
    live.add(index);
    stack.push(...(tape.operations[index]?.inputIds ?? []));
  }
  return live;
}

/**
 * Adds the tape's live operations to the graph. `leaves` gives the reference of every input and variable id. Returns the reference of
 * any native id that the tape produced or met.
 */
export function translate(
  graph: GraphDefinition,
  tape: Tape,
  leaves: ReadonlyMap<number, string>,
  wanted: readonly number[],
): (id: number) => string {
  const references = new Map(leaves);
  const referenceOf = (id: number): string => {
    const known = references.get(id);
    if (known !== undefined) return known;
    const constant = tape.constants.get(id);
    if (!constant) throw new NotRecordable(`native tensor ${id} has no origin on the tape`);
    const reference = addConstant(graph, constant);
    references.set(id, reference);
    return reference;
  };
  const live = liveOperations(tape, wanted);
  for (const [index, operation] of tape.operations.entries()) {
    if (!live.has(index)) continue;
    const inputs = operation.inputIds.map(referenceOf);
    const attributes = Object.fromEntries(operation.attributes.map((one) => [one.name, attributeOf(one)]));
    const node = graph.add(operation.name, inputs, attributes);
    for (const [position, { id }] of operation.outputs.entries()) references.set(id, position === 0 ? node : `${node}:${position}`);
  }
  return referenceOf;
}
