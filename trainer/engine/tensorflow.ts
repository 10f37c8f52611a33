/**
 * The only import of TensorFlow: tfjs as the model API, on TensorFlow's C library. Only engine, models, objective and step import this
 * file.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import type * as TensorFlow from '@tensorflow/tfjs-node-gpu';
import { quietTensorFlow } from './env.ts';

// tfjs-node 4.22 calls these two functions. Node 23 removed the first and deprecated the second (tfjs issue 8609; the fix was never
// released).
const legacy = util as unknown as Record<'isNullOrUndefined' | 'isArray', unknown>;
legacy.isNullOrUndefined = (value: unknown): boolean => value === null || value === undefined;
legacy.isArray = Array.isArray;

/** TensorFlow's shape functions (setup/native/output-shapes.cc). They throw TensorFlow's message when it refuses the node. */
type ShapeFunctions = {
  /** The outputs of a node of a GraphDef; `shape` is null if the rank is unknown, and an unknown dimension is -1. */
  outputShapes(graph: Uint8Array, node: string): { readonly dtype: number; readonly shape: number[] | null }[];
};

const PACKAGE = '@tensorflow/tfjs-node-gpu';
const require = createRequire(import.meta.url);

/** tfjs on TensorFlow's library. Throws `engine-missing` when the library or its binding is not installed. */
export const tf = load<typeof TensorFlow>(PACKAGE);

/** The shape functions of the same library. */
export const shapeFunctions = load<ShapeFunctions>(
  join(dirname(require.resolve(`${PACKAGE}/package.json`)), 'lib/napi-v8/output_shapes.node'),
);

function load<Module>(name: string): Module {
  quietTensorFlow();
  try {
    return require(name) as Module;
  } catch (cause) {
    const [reason] = messageOf(cause).split('\n');
    throw new CarpalError('engine-missing', `TensorFlow cannot be loaded: ${reason}`, { cause });
  }
}

export type { Scalar, Tensor, Tensor4D, Variable } from '@tensorflow/tfjs-node-gpu';
