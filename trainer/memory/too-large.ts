/** The words for a step that does not fit. */
import { CarpalError } from '@carpal/configs/errors.ts';
import { largestThatFits } from './choose-sizes.ts';

export type TooLargeStep = {
  readonly network: string;
  readonly size: number;
  readonly batchSize: number;
  /** Undefined: more than the limit, and nobody knows how much. */
  readonly neededMb?: number;
  readonly limitMb: number;
  /** Whose limit it is, in words. */
  readonly from: string;
  /** The largest that fit, as far as is known. */
  readonly fitting?: Fitting;
};

/** `batchSize` at the size asked for, and the size for one image in a batch. Undefined: none fits. */
export type Fitting = { readonly batchSize: number | undefined; readonly size: number | undefined };

const LARGEST_SIDE = 2048;
const SMALLEST_SIDE = 32;

/** The largest of both that need no more than the limit, by what each is said to need. What was asked for is not among them: it did not fit. */
export function fittingSizes(
  { size, batchSize, sizeMultiple }: { size: number; batchSize: number; sizeMultiple: number },
  limitMb: number,
  memoryMb: (count: number, side: number) => number,
): Fitting {
  const batches = Array.from({ length: batchSize - 1 }, (_, index) => index + 1);
  const sides = Array.from({ length: Math.floor(LARGEST_SIDE / sizeMultiple) }, (_, index) => (index + 1) * sizeMultiple);
  return {
    batchSize: largestThatFits(batches, (count) => memoryMb(count, size) <= limitMb),
    size: largestThatFits(
      sides.filter((side) => side >= SMALLEST_SIDE && (batchSize > 1 || side < size)),
      (side) => memoryMb(1, side) <= limitMb,
    ),
  };
}

const LESS = 'take a narrower network, or give more memory';

/** What fits, as advice. */
function fixFor({ size, fitting }: TooLargeStep): string {
  if (fitting === undefined) return `Lower training.batchSize or input.size, ${LESS}.`;
  if (fitting.batchSize === undefined && fitting.size === undefined) return `No size fits: ${LESS}.`;
  const batch =
    fitting.batchSize === undefined
      ? `At ${size} px not even one image fits`
      : `At ${size} px training.batchSize may be at most about ${fitting.batchSize}`;
  const side = fitting.size === undefined ? '' : `; with training.batchSize 1, input.size may be at most about ${fitting.size}`;
  return `${batch}${side}. Or ${LESS}.`;
}

export const gigabytes = (mb: number): string => `${(mb / 1024).toFixed(mb < 10 * 1024 ? 2 : 1)} GB`;

/** The error, not thrown. */
export function memoryTooSmall(step: TooLargeStep, cause?: unknown): CarpalError {
  const { network, size, batchSize, neededMb, limitMb, from } = step;
  const images = batchSize === 1 ? '1 image' : `${batchSize} images`;
  const needs = neededMb === undefined ? 'more memory than there is' : `about ${gigabytes(neededMb)} of memory`;
  const what = `training ${network} at ${size} px with ${images} in a batch needs ${needs}; the limit is ${gigabytes(limitMb)} (${from})`;
  return new CarpalError('memory-too-small', what, { where: 'spec.training.batchSize, spec.input.size', fix: fixFor(step), cause });
}
