/**
 * What an operation would give: TensorFlow's own shape functions are asked, and nothing is computed. They look at the shapes of its inputs and
 * at the values of small constants among them (the new shape of a Reshape, the axes of a Sum).
 */

import type { KernelAttribute } from '../kernels.ts';
import { shapeFunctions } from '../tensorflow.ts';
import { type Attribute, attribute, GraphDefinition, nodeAttribute } from './graph-definition.ts';

/** An input: its values where they are known, its shape where that is. */
export type ShapedInput = { readonly dtype: number; readonly shape: readonly number[] | undefined; readonly bytes?: Uint8Array };

/** An output; no shape where it depends on values. */
export type ShapedOutput = { readonly dtype: number; readonly shape: readonly number[] | undefined };

/** Values that say how large something is are few: larger constants are described by their shape alone. */
const VALUES_BELOW_BYTES = 512;
const NODE = 'operation';

/** Answers by question: blocks of a network ask the same, and so does the second recording of a step. */
const answers = new Map<string, readonly ShapedOutput[]>();

/** The outputs of an operation, all that it has. Throws TensorFlow's message where it would refuse the operation. */
export function outputShapes(name: string, attributes: readonly KernelAttribute[], given: readonly ShapedInput[]): readonly ShapedOutput[] {
  const inputs = given.map(({ dtype, shape, bytes }): ShapedInput => {
    return bytes && bytes.length < VALUES_BELOW_BYTES ? { dtype, shape, bytes } : { dtype, shape };
  });
  const question = JSON.stringify([name, attributes, inputs.map(({ bytes, ...shaped }) => [shaped, bytes ? [...bytes] : null])]);
  const known = answers.get(question);
  if (known) return known;
  const answer = shapeFunctions.outputShapes(graphOf(name, attributes, inputs), NODE).map(({ dtype, shape }): ShapedOutput => {
    return { dtype, shape: shape?.includes(-1) ? undefined : (shape ?? undefined) };
  });
  answers.set(question, answer);
  return answer;
}

/** A graph of the operation alone. */
function graphOf(name: string, attributes: readonly KernelAttribute[], inputs: readonly ShapedInput[]): Uint8Array {
  const graph = new GraphDefinition();
  const references = inputs.map(({ dtype, shape, bytes }) => {
    if (bytes && shape) return graph.constant(dtype, shape, bytes);
    const known: Record<string, Attribute> = shape ? { shape: attribute.shape(shape) } : {};
    return graph.add('Placeholder', [], { dtype: attribute.type(dtype), ...known });
  });
  graph.add(name, references, Object.fromEntries(attributes.map((one) => [one.name, nodeAttribute(one)])), NODE);
  return graph.bytes();
}
