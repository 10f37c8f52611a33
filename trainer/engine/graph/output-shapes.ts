/**
 * Determines the shapes and types of an operation's outputs with TensorFlow's shape functions, without computing anything. The functions
 * use the shapes of the inputs and the values of small constants (the new shape of a Reshape, the axes of a Sum).
 */

import type { KernelAttribute } from '../kernels.ts';
import { shapeFunctions } from '../tensorflow.ts';
import { type Attribute, attribute, GraphDefinition, nodeAttribute } from './graph-definition.ts';

/** An input, with its shape and its values if they are known. */
export type ShapedInput = { readonly dtype: number; readonly shape: readonly number[] | undefined; readonly bytes?: Uint8Array };

/** An output, without a shape if the shape depends on values. */
export type ShapedOutput = { readonly dtype: number; readonly shape: readonly number[] | undefined };

/** Only the values of constants below this size are passed to the shape functions. Constants that describe shapes are smaller. */
const VALUES_BELOW_BYTES = 512;
const NODE = 'operation';

/**
 * Cache of outputs by operation and inputs. The blocks of a network repeat the same operations, and so does the second recording of a step.
 */
const cache = new Map<string, readonly ShapedOutput[]>();

/** All outputs of an operation. Throws an error with TensorFlow's message if TensorFlow refuses the operation. */
export function outputShapes(name: string, attributes: readonly KernelAttribute[], given: readonly ShapedInput[]): readonly ShapedOutput[] {
  const inputs = given.map(({ dtype, shape, bytes }): ShapedInput => {
    return bytes && bytes.length < VALUES_BELOW_BYTES ? { dtype, shape, bytes } : { dtype, shape };
  });
  const key = JSON.stringify([name, attributes, inputs.map(({ bytes, ...shaped }) => [shaped, bytes ? [...bytes] : null])]);
  const known = cache.get(key);
  if (known) return known;
  const outputs = shapeFunctions.outputShapes(graphOf(name, attributes, inputs), NODE).map(({ dtype, shape }): ShapedOutput => {
    return { dtype, shape: shape?.includes(-1) ? undefined : (shape ?? undefined) };
  });
  cache.set(key, outputs);
  return outputs;
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
