/** What TensorFlow's CPU kernels gain or lose in bfloat16: the table that reduced-precision-plan.ts applies. */
import type { KernelAttribute } from '../kernels.ts';
import { DATA_TYPE } from './graph-definition.ts';

/**
 * `gains`: faster in bfloat16 by more than the casts around it cost. `passes`: not slower in bfloat16 if its inputs and outputs are
 * bfloat16 anyway. `joins`: fused with the operation before it if both have the same type. `stays`: float32.
 */
export type PrecisionRole = 'gains' | 'passes' | 'joins' | 'stays';

/** An operation with the shapes of its inputs and outputs, in order. */
export type SizedOperation = {
  readonly name: string;
  readonly attributes: readonly KernelAttribute[];
  readonly inputs: readonly (readonly number[])[];
  readonly outputs: readonly (readonly number[])[];
};

/**
 * A filter's gradient has as many values as the filter, and each must be cast to float32 for the optimizer. For sums over fewer pixels than
 * this, the cast costs more than bfloat16 saves. 3×3×384×384 over 8×8 pixels: 2.2 ms in bfloat16 plus 0.9 ms for the cast, 2.1 ms in
 * float32. 3×3×256×256 over 16×16 pixels: 1.3 ms plus 0.4 ms, 2.6 ms in float32.
 */
const LEAST_PIXELS = 128;

type Rule = (operation: SizedOperation) => boolean;

const isPadded: Rule = ({ attributes }) => attributes.some(({ name, value }) => name === 'padding' && value === 'EXPLICIT');

/**
 * Operations that gain, each with its condition. All milliseconds in this file are processor time of one operation on 2 cores with AMX.
 *
 * - Convolutions run in oneDNN, 2 to 5 times as fast (3×3×256×256 at 16×16: 3.0 ms in float32, 0.6 ms in bfloat16). Their gradients gain
 *   only without explicit padding: with it, TensorFlow's own kernels emulate bfloat16 value by value (3×3×64×128 at stride 2 is a hundred
 *   times slower).
 * - Matrix products run in oneDNN, 3 to 7 times as fast (256×1280 by 1280×320: 1.5 ms in float32, 0.25 ms in bfloat16).
 * - Depthwise convolutions do not gain: 7×7 over 64×64×128 takes 0.9 ms in float32 and 1.2 ms in bfloat16, the filter's gradient 16 ms and
 *   26 ms.
 */
const GAINS: Readonly<Record<string, Rule>> = {
  Conv2D: () => true,
  Conv2DBackpropInput: (operation) => !isPadded(operation),
  Conv2DBackpropFilter: (operation) => {
    const [batch = 0, height = 0, width = 0] = operation.inputs[2] ?? [];
    return !isPadded(operation) && batch * height * width >= LEAST_PIXELS;
  },
  MatMul: () => true,
  BatchMatMulV2: () => true,
};

/**
 * Operations that pass. Normalisation and average pooling run in oneDNN with sums in float32. The others move values or combine a few of
 * them elementwise. Functions of one value (exp, log, erf, sigmoid), reductions (Sum, Mean, BiasAddGrad) and bilinear resizing do not pass:
 * TensorFlow has no fast bfloat16 kernels for them, and sums need float32.
 */
const PASSES = new Set([
  'Add', 'AddN', 'AddV2', 'AvgPool', 'AvgPoolGrad', 'ConcatV2', 'FusedBatchNormGradV3', 'FusedBatchNormV3', 'MaxPool', 'MaxPoolGrad', 'Mul',
  'Relu', 'ReluGrad', 'Reshape', 'ResizeNearestNeighbor', 'Slice', 'Split', 'SplitV', 'Transpose',
]); // biome-ignore format: a list of names

/** oneDNN adds the bias to its float32 sum before it rounds. */
const JOINS = new Set(['BiasAdd']);

/** The role of an operation under `precision: bfloat16`. Operations that are not in the table stay float32. */
export function precisionRole(operation: SizedOperation): PrecisionRole {
  if (GAINS[operation.name]?.(operation)) return 'gains';
  if (JOINS.has(operation.name)) return 'joins';
  return PASSES.has(operation.name) ? 'passes' : 'stays';
}

/**
 * The inputs and outputs that have the operation's type `T`. In operations that are not listed, these are all float32 inputs and outputs.
 */
const TYPED: Readonly<Record<string, { readonly inputs: readonly number[]; readonly outputs: readonly number[] }>> = {
  FusedBatchNormV3: { inputs: [0], outputs: [0] },
  FusedBatchNormGradV3: { inputs: [0, 1], outputs: [0] },
};

/** Whether an input has the type in which the operation computes; statistics and indices do not. */
export function isTypedInput(name: string, position: number, dtype: number): boolean {
  return dtype === DATA_TYPE.float32 && (TYPED[name]?.inputs.includes(position) ?? true);
}

/** Like {@link isTypedInput}, for an output. */
export function isTypedOutput(name: string, position: number, dtype: number): boolean {
  return dtype === DATA_TYPE.float32 && (TYPED[name]?.outputs.includes(position) ?? true);
}
