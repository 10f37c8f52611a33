/**
 * Turns a tape into graph nodes: only operations that the results depend on, with constants inlined and variables read from session state.
 */
import { type Attribute, attribute, DATA_TYPE, type GraphDefinition, nodeAttribute } from './graph-definition.ts';
import { NotRecordable } from './not-recordable.ts';
import { isTypedInput, isTypedOutput } from './reduced-precision-operations.ts';
import { describedValues } from './reduced-precision-plan.ts';
import type { Tape, TapedConstant } from './tape.ts';

const ELEMENT_BYTES: Readonly<Record<number, number>> = {
  [DATA_TYPE.float32]: 4,
  [DATA_TYPE.int32]: 4,
  [DATA_TYPE.bool]: 1,
  [DATA_TYPE.uint8]: 1,
};
/**
 * tf.ones and tf.zeros create their values in JavaScript. A uniform constant above this size becomes a Fill node instead of bytes in the
 * graph.
 */
const FILL_ABOVE_BYTES = 4096;

function addConstant(graph: GraphDefinition, constant: TapedConstant): string {
  const width = ELEMENT_BYTES[constant.dtype];
  if (width === undefined) throw new NotRecordable(`a constant has the unsupported element type ${constant.dtype}`);
  const { bytes } = constant;
  const uniform = bytes.length > FILL_ABOVE_BYTES && Buffer.compare(bytes.subarray(width), bytes.subarray(0, bytes.length - width)) === 0;
  if (!uniform) return graph.constant(constant.dtype, constant.shape, bytes);
  const inputs = [graph.integers(constant.shape), graph.constant(constant.dtype, [], bytes.subarray(0, width))];
  return graph.add('Fill', inputs, { T: attribute.type(constant.dtype), index_type: attribute.type(DATA_TYPE.int32) });
}

/** The indices of the operations that the values with the ids `wanted` depend on. */
export function liveOperations(tape: Tape, wanted: readonly number[]): Set<number> {
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

const castAttributes = (from: number, to: number): Record<string, Attribute> => ({
  SrcT: attribute.type(from),
  DstT: attribute.type(to),
  Truncate: attribute.boolean(false),
});
const TO_BFLOAT16 = castAttributes(DATA_TYPE.float32, DATA_TYPE.bfloat16);
const TO_FLOAT32 = castAttributes(DATA_TYPE.bfloat16, DATA_TYPE.float32);

/** Indices of a tape's operations: `live` operations become nodes, `reduced` operations compute in bfloat16. */
export type Selection = { readonly live: ReadonlySet<number>; readonly reduced: ReadonlySet<number> };

/**
 * Adds the tape's live operations to the graph. `leaves` maps the id of every input and variable to its reference. Returns a function from
 * a native id of the tape to its float32 reference. A value is cast only once, even if several operations need it in the other type.
 */
export function translate(
  graph: GraphDefinition,
  tape: Tape,
  leaves: ReadonlyMap<number, string>,
  { live, reduced }: Selection,
): (id: number) => string {
  const references = new Map(leaves);
  const reducedReferences = new Map<number, string>();
  const values = describedValues(tape);
  const known = (held: Map<number, string>, id: number, make: () => string): string => {
    const reference = held.get(id) ?? make();
    held.set(id, reference);
    return reference;
  };
  const referenceOf = (id: number): string =>
    known(references, id, () => {
      const inBfloat16 = reducedReferences.get(id);
      if (inBfloat16 !== undefined) return graph.add('Cast', [inBfloat16], TO_FLOAT32);
      const constant = tape.constants.get(id);
      if (!constant) throw new NotRecordable(`native tensor ${id} has no origin on the tape`);
      return addConstant(graph, constant);
    });
  const reducedReferenceOf = (id: number): string => known(reducedReferences, id, () => graph.add('Cast', [referenceOf(id)], TO_BFLOAT16));

  for (const [index, { name, attributes, inputIds, outputs }] of tape.operations.entries()) {
    if (!live.has(index)) continue;
    const isReduced = reduced.has(index);
    const inputs = inputIds.map((id, position) =>
      isReduced && isTypedInput(name, position, values.get(id)?.dtype ?? 0) ? reducedReferenceOf(id) : referenceOf(id),
    );
    const written = Object.fromEntries(attributes.map((one) => [one.name, nodeAttribute(one)]));
    if (isReduced) written['T'] = attribute.type(DATA_TYPE.bfloat16);
    const node = graph.add(name, inputs, written);
    for (const [position, { id, dtype }] of outputs.entries()) {
      const held = isReduced && isTypedOutput(name, position, dtype) ? reducedReferences : references;
      held.set(id, position === 0 ? node : `${node}:${position}`);
    }
  }
  return referenceOf;
}
