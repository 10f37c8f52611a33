/**
 * Shapes and types of an operation's outputs, from TensorFlow's own shape functions; nothing is computed. They use the shapes of the inputs
 * and the values of small constants among them (the new shape of a Reshape, the axes of a Sum).
 */

import type { KernelAttribute } from '../kernels.ts';
import { shapeFunctions } from '../tensorflow.ts';
import { type Attribute, attribute, GraphDefinition, nodeAttribute } from './graph-definition.ts';

/** An input, with its shape and its values if they are known. */
export type ShapedInput = { readonly dtype: number; readonly shape: readonly number[] | undefined; readonly bytes?: Uint8Array };

/** An output, without a shape if the shape depends on values. */
export type ShapedOutput = { readonly dtype: number; readonly shape: readonly number[] | undefined };

/** Constants that describe sizes are small; of larger ones only the shape is used. */
const VALUES_BELOW_BYTES = 512;
const NODE = 'operation';

/** Known outputs by operation and inputs: blocks of a network repeat them, and so does the second recording of a step. */
const answers = new Map<string, readonly ShapedOutput[]>();

/** All outputs of an operation. Throws TensorFlow's message if it would refuse the operation. */
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

/** A graph with only this operation. */
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
