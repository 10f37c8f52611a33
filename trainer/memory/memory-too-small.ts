/** The error `memory-too-small` for a training step that does not fit, with advice on what fits. */
import { CarpalError } from '@carpal/configs/errors.ts';
import type { InputSpec } from '@carpal/configs/schema/experiment.ts';
import type { Fitting } from './estimate.ts';

export type TooLargeStep = {
  readonly network: string;
  readonly size: number;
  /** The field with that size. */
  readonly sizeField?: 'input.size' | 'input.crop.size';
  readonly batchSize: number;
  /** Undefined if the need exceeds the limit by an unknown amount. */
  readonly neededMb?: number;
  readonly limitMb: number;
  /** What sets the limit, as a phrase: 'the machine'. */
  readonly from: string;
  /** The largest sizes that fit, if known. */
  readonly fitting?: Fitting;
};

/** The field that sets the size of the network's input. */
export function sizeFieldOf(input: Pick<InputSpec, 'crop'>): 'input.size' | 'input.crop.size' {
  return input.crop ? 'input.crop.size' : 'input.size';
}

/** Builds the error without throwing it. */
export function memoryTooSmall(step: TooLargeStep, cause?: unknown): CarpalError {
  const { network, size, sizeField = 'input.size', batchSize, neededMb, limitMb, from } = step;
  const needs = neededMb === undefined ? 'more memory than is available' : `about ${gigabytes(neededMb)} of memory`;
  const what = `training ${network} at ${size} px with a batch of ${batchSize} needs ${needs}; the limit is ${gigabytes(limitMb)} (${from})`;
  return new CarpalError('memory-too-small', what, { where: `spec.training.batchSize, spec.${sizeField}`, fix: fixFor(step), cause });
}

const LESS = 'use a smaller network, or provide more memory';

function fixFor({ size, sizeField = 'input.size', fitting }: TooLargeStep): string {
  if (fitting === undefined) return `Lower training.batchSize or ${sizeField}, ${LESS}.`;
  if (fitting.batchSize === undefined && fitting.size === undefined) return `No size fits: ${LESS}.`;
  const batch =
    fitting.batchSize === undefined
      ? `At ${size} px, not even one image fits`
      : `At ${size} px, training.batchSize can be at most about ${fitting.batchSize}`;
  const side = fitting.size === undefined ? '' : `; with training.batchSize 1, ${sizeField} can be at most about ${fitting.size}`;
  return `${batch}${side}. Or ${LESS}.`;
}

export const gigabytes = (mb: number): string => `${(mb / 1024).toFixed(mb < 10 * 1024 ? 2 : 1)} GB`;
