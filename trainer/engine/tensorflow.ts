/**
 * The one door to TensorFlow: tfjs as the model API, TensorFlow's C library below it. Only engine/, models/ and objective/ come through it.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import type * as TensorFlow from '@tensorflow/tfjs-node-gpu';
import { quietTensorFlow } from './env.ts';

// tfjs-node 4.22 calls these two; Node 23 removed the first and warns at the second (tfjs issue 8609, the fix was never released).
const legacy = util as unknown as Record<'isNullOrUndefined' | 'isArray', unknown>;
legacy.isNullOrUndefined = (value: unknown): boolean => value === null || value === undefined;
legacy.isArray = Array.isArray;

/** TensorFlow's shape functions (setup/native/output-shapes.cc). Throws TensorFlow's message where it refuses the node. */
type ShapeFunctions = {
  /** What the node of a GraphDef gives: no shape where its rank is unknown, -1 for a dimension that is. */
  outputShapes(graph: Uint8Array, node: string): { readonly dtype: number; readonly shape: number[] | null }[];
};

const PACKAGE = '@tensorflow/tfjs-node-gpu';
const require = createRequire(import.meta.url);

/** tfjs on TensorFlow's library. CarpalError `engine-missing` where the library or its binding is not installed. */
export const tf = load<typeof TensorFlow>(PACKAGE);

/** The same library, asked about operations that nobody runs. */
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
