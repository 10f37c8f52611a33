/** Turns a tape into graph nodes: only what the wanted values depend on, constants inlined, variables read from session state. */
import { type Attribute, attribute, DATA_TYPE, type GraphDefinition } from './graph-definition.ts';
import { isTypedInput, isTypedOutput } from './narrow-operations.ts';
import { describedValues } from './narrow-plan.ts';
import { nodeAttribute } from './native-attribute.ts';
import { NotRecordable } from './not-recordable.ts';
import type { Tape, TapedConstant } from './tape.ts';

const ELEMENT_BYTES: Readonly<Record<number, number>> = {
  [DATA_TYPE.float32]: 4,
  [DATA_TYPE.int32]: 4,
  [DATA_TYPE.bool]: 1,
  [DATA_TYPE.uint8]: 1,
};
/** tf.ones and tf.zeros are made in JavaScript and uploaded: above this size a uniform constant becomes a Fill node. */
const FILL_ABOVE_BYTES = 4096;

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
const NARROWING = castAttributes(DATA_TYPE.float32, DATA_TYPE.bfloat16);
const WIDENING = castAttributes(DATA_TYPE.bfloat16, DATA_TYPE.float32);

/** Which of a tape's operations become nodes, and which of those compute in bfloat16. */
export type Selection = { readonly live: ReadonlySet<number>; readonly narrow: ReadonlySet<number> };

/**
 * Adds the tape's live operations to the graph. `leaves` gives the reference of every input and variable id. Returns the float32 reference of
 * any native id that the tape produced or met. A value is cast once, however many operations want it in the other type.
 */
export function translate(
  graph: GraphDefinition,
  tape: Tape,
  leaves: ReadonlyMap<number, string>,
  { live, narrow }: Selection,
): (id: number) => string {
  const references = new Map(leaves);
  const narrowReferences = new Map<number, string>();
  const values = describedValues(tape);
  const known = (held: Map<number, string>, id: number, make: () => string): string => {
    const reference = held.get(id) ?? make();
    held.set(id, reference);
    return reference;
  };
  const referenceOf = (id: number): string =>
    known(references, id, () => {
      const narrowed = narrowReferences.get(id);
      if (narrowed !== undefined) return graph.add('Cast', [narrowed], WIDENING);
      const constant = tape.constants.get(id);
      if (!constant) throw new NotRecordable(`native tensor ${id} has no origin on the tape`);
      return addConstant(graph, constant);
    });
  const narrowReferenceOf = (id: number): string => known(narrowReferences, id, () => graph.add('Cast', [referenceOf(id)], NARROWING));

  for (const [index, { name, attributes, inputIds, outputs }] of tape.operations.entries()) {
    if (!live.has(index)) continue;
    const isNarrow = narrow.has(index);
    const inputs = inputIds.map((id, position) =>
      isNarrow && isTypedInput(name, position, values.get(id)?.dtype ?? 0) ? narrowReferenceOf(id) : referenceOf(id),
    );
    const written = Object.fromEntries(attributes.map((one) => [one.name, nodeAttribute(one)]));
    if (isNarrow) written['T'] = attribute.type(DATA_TYPE.bfloat16);
    const node = graph.add(name, inputs, written);
    for (const [position, { id, dtype }] of outputs.entries()) {
      const held = isNarrow && isTypedOutput(name, position, dtype) ? narrowReferences : references;
      held.set(id, position === 0 ? node : `${node}:${position}`);
    }
  }
  return referenceOf;
}
