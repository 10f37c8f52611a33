/** What TensorFlow's CPU kernels gain or lose in bfloat16: the table by which narrow-plan.ts chooses. */
import { DATA_TYPE } from './graph-definition.ts';
import type { NativeAttribute } from './native-binding.ts';

/**
 * `gains`: faster in bfloat16 by more than the casts around it cost. `passes`: no slower in bfloat16, where it is given and gives on values in
 * it. `joins`: becomes part of the operation before it, if that is of the same type. `stays`: float32.
 */
export type NarrowRole = 'gains' | 'passes' | 'joins' | 'stays';

/** An operation as the table sees it; shapes are those of its inputs and outputs, in order. */
export type SizedOperation = {
  readonly name: string;
  readonly attributes: readonly NativeAttribute[];
  readonly inputs: readonly (readonly number[])[];
  readonly outputs: readonly (readonly number[])[];
};

/**
 * Gradients of filters have as many values as the filter, and each must be widened for the optimizer: summed over fewer pixels than this
 * that costs more than it saves (3×3×384×384 over 8×8 pixels: 2.2 ms and 0.9 for the cast, float32 2.1; 3×3×256×256 over 16×16: 1.3 and 0.4,
 * float32 2.6).
 */
const LEAST_PIXELS = 128;

type Rule = (operation: SizedOperation) => boolean;

const isPadded: Rule = ({ attributes }) => attributes.some(({ name, value }) => name === 'padding' && value === 'EXPLICIT');

/**
 * What gains, and on what condition. Milliseconds, here and above, are processor time of one operation on 2 cores with AMX.
 *
 * - Convolutions run in oneDNN: 2 to 5 times as fast (3×3×256×256 at 16×16: 3.0 ms, in bfloat16 0.6). Their gradients do so only without
 *   explicit padding; with it TensorFlow's own kernels emulate bfloat16 number by number (3×3×64×128 at stride 2: a hundred times slower).
 * - Products of matrices run in oneDNN: 3 to 7 times as fast (256×1280 by 1280×320: 1.5 ms, in bfloat16 0.25).
 * - Depthwise convolutions are not here: 7×7 over 64×64×128 takes 0.9 ms, in bfloat16 1.2, the filter's gradient 16 and 26.
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
 * What passes. Normalisation and average pooling are oneDNN's, with sums in float32; the others move values or combine few of them one by one.
 * Functions of one value (exp, log, erf, sigmoid), reductions (Sum, Mean, BiasAddGrad) and bilinear resizing are not here: TensorFlow has no
 * fast bfloat16 kernels for them, and sums want float32.
 */
const PASSES = new Set([
  'Add', 'AddN', 'AddV2', 'AvgPool', 'AvgPoolGrad', 'ConcatV2', 'FusedBatchNormGradV3', 'FusedBatchNormV3', 'MaxPool', 'MaxPoolGrad', 'Mul',
  'Relu', 'ReluGrad', 'Reshape', 'ResizeNearestNeighbor', 'Slice', 'Split', 'SplitV', 'Transpose',
]); // biome-ignore format: a list of names

/** The bias is added to what oneDNN has summed in float32, before that is rounded. */
const JOINS = new Set(['BiasAdd']);

/** What an operation does under `precision: bfloat16`. One that the table does not name stays float32. */
export function narrowRole(operation: SizedOperation): NarrowRole {
  if (GAINS[operation.name]?.(operation)) return 'gains';
  if (JOINS.has(operation.name)) return 'joins';
  return PASSES.has(operation.name) ? 'passes' : 'stays';
}

/** Which inputs and outputs of an operation follow its type `T`; of others, all that are float32 do. */
const TYPED: Readonly<Record<string, { readonly inputs: readonly number[]; readonly outputs: readonly number[] }>> = {
  FusedBatchNormV3: { inputs: [0], outputs: [0] },
  FusedBatchNormGradV3: { inputs: [0, 1], outputs: [0] },
};

/** Whether an operation's input is handed over in the type in which it computes; statistics and indices are not. */
export function isTypedInput(name: string, position: number, dtype: number): boolean {
  return dtype === DATA_TYPE.float32 && (TYPED[name]?.inputs.includes(position) ?? true);
}

/** The same of an output. */
export function isTypedOutput(name: string, position: number, dtype: number): boolean {
  return dtype === DATA_TYPE.float32 && (TYPED[name]?.outputs.includes(position) ?? true);
}
