/** A forecast for people. */
import { formatDuration } from '@carpal/configs/duration.ts';
import { figureTable } from '../cost/figure-table.ts';
import type { Forecast, StepFigures } from './forecast.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

/** Whole minutes, or whole seconds below ten minutes; never nothing. */
function span(seconds: number): string {
  const ms = seconds * SECOND_MS;
  const unit = ms < 10 * MINUTE_MS ? SECOND_MS : MINUTE_MS;
  return formatDuration(Math.max(1, Math.ceil(ms / unit - 1e-6)) * unit);
}

const seconds = (value: number): string => `${value.toFixed(value < 1 ? 3 : 2)} s`;
const gigabytes = (mb: number): string => `${(mb / 1024).toFixed(2)} GB`;

/** One row for each fold; TIME is there only where steps were measured. */
export function forecastTable({ folds }: Forecast): string {
  const head = ['FOLD', 'IMAGES', 'VALIDATED', 'STEPS/EPOCH'];
  const rows = folds.map(({ fold, train, validation, stepsPerEpoch, seconds: time }) => [
    ...[fold, train, validation, stepsPerEpoch].map(String),
    ...(time === undefined ? [] : [span(time)]),
  ]);
  const isTimed = folds.some((fold) => fold.seconds !== undefined);
  return figureTable([isTimed ? [...head, 'TIME'] : head, ...rows]);
}

export type TimedSteps = StepFigures & { readonly steps: number; readonly device: 'cpu' | 'gpu' };

/** What was measured, what follows of it, and what does not. `limit` is the memory that all folds share. */
export function forecastNotes(
  { foldsAtOnce, seconds: inAll = 0, memoryMb = 0 }: Forecast,
  measured: TimedSteps,
  limit: { readonly mb: number; readonly from: string },
  missing: readonly string[],
): string {
  const folds = foldsAtOnce === 1 ? '1 fold' : `${foldsAtOnce} folds`;
  const where = measured.device === 'gpu' ? 'a GPU of this machine' : 'this machine';
  const lines = [
    `${measured.steps} steps timed on ${where}: ${seconds(measured.stepSeconds)} a step, ${seconds(measured.firstStepSeconds)} until the first is done, ${seconds(measured.validationSecondsPerImage)} to validate an image`,
    `expected time: ${span(inAll)} with ${folds} at a time`,
    `expected peak memory: ${gigabytes(memoryMb)} with ${folds} at a time; the limit is ${gigabytes(limit.mb)} (${limit.from})`,
  ];
  return `${lines.join('\n')}\nnot measured:\n${missing.map((line) => `- ${line}\n`).join('')}`;
}
