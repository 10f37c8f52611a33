/**
 * The one door to TensorFlow: tfjs as the model API, TensorFlow's C library below it. Only engine/, models/ and objective/ come through it.
 */
import { createRequire } from 'node:module';
import util from 'node:util';
import { CarpalError } from '@carpal/configs/errors.ts';
import type * as TensorFlow from '@tensorflow/tfjs-node-gpu';
import { quietTensorFlow } from './env.ts';

// tfjs-node 4.22 calls these two; Node 23 removed the first and warns at the second (tfjs issue 8609, the fix was never released).
const legacy = util as unknown as Record<'isNullOrUndefined' | 'isArray', unknown>;
legacy.isNullOrUndefined = (value: unknown): boolean => value === null || value === undefined;
legacy.isArray = Array.isArray;

/** tfjs on TensorFlow's library. CarpalError `engine-missing` where the library or its binding is not installed. */
export const tf = load();

function load(): typeof TensorFlow {
  quietTensorFlow();
  try {
    return createRequire(import.meta.url)('@tensorflow/tfjs-node-gpu') as typeof TensorFlow;
  } catch (cause) {
    const [reason] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    throw new CarpalError('engine-missing', `TensorFlow cannot be loaded: ${reason}`, { cause });
  }
}

export type { Scalar, Tensor, Tensor4D, Variable } from '@tensorflow/tfjs-node-gpu';
