/**
 * The one door to TensorFlow: tfjs as the model API, TensorFlow's C library below it. Nothing outside engine/ imports tfjs.
 */
import { createRequire } from 'node:module';
import util from 'node:util';
import type * as TensorFlow from '@tensorflow/tfjs-node-gpu';

// tfjs-node 4.22 still calls these two; Node 23 removed them (tfjs issue 8609, the fix was never released).
const legacy = util as unknown as Record<'isNullOrUndefined' | 'isArray', unknown>;
legacy.isNullOrUndefined ??= (value: unknown): boolean => value === null || value === undefined;
legacy.isArray ??= Array.isArray;

process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';

export const tf = createRequire(import.meta.url)('@tensorflow/tfjs-node-gpu') as typeof TensorFlow;
export type { Tensor, Tensor1D, Tensor4D, Variable } from '@tensorflow/tfjs-node-gpu';
