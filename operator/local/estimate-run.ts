/** What a run on this machine is expected to take, from measured steps: as numbers and as text. Pure arithmetic. */
import { formatDuration } from '@carpal/configs/duration.ts';
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import { figureTable } from '../cost/cost-text.ts';
import { type FoldImages, foldWork } from '../cost/fold-time.ts';
import { makespan } from '../experiment/makespan.ts';

/** Measurements of one fold's process. */
export type StepFigures = {
  readonly peakMemoryMb: number;
  readonly firstStepSeconds: number;
  readonly stepSeconds: number;
  readonly validationSecondsPerImage: number;
};

export type FoldEstimate = FoldImages & {
  readonly stepsPerEpoch: number;
  /** Absent if nothing was measured. */
  readonly seconds?: number;
};

export type RunEstimate = {
  readonly folds: readonly FoldEstimate[];
  readonly foldsAtOnce: number;
  /** Until the last fold is trained. Absent, like `memoryMb`, if nothing was measured. */
  readonly seconds?: number;
  /** The peak of all folds that train at the same time. */
  readonly memoryMb?: number;
};

/** The estimate for the folds that are not trained yet, each from its first epoch, with `foldsAtOnce` folds at a time. */
export function estimateRun(
  { training }: ExperimentSpec,
  folds: readonly FoldImages[],
  foldsAtOnce: number,
  measured: StepFigures | undefined,
): RunEstimate {
  const rows = folds.map((images): FoldEstimate & { seconds: number } => {
    const { stepSeconds = 0, validationSecondsPerImage = 0, firstStepSeconds = 0 } = measured ?? {};
    const times = { stepMs: 1000 * stepSeconds, validationMsPerImage: 1000 * validationSecondsPerImage };
    const seconds = firstStepSeconds + 3600 * foldWork(training, images, times).hours;
    return { ...images, stepsPerEpoch: Math.ceil(images.train / training.batchSize), seconds };
  });
  const atOnce = Math.max(1, Math.min(foldsAtOnce, rows.length));
  if (measured === undefined) return { folds: rows.map(({ seconds: _, ...row }) => row), foldsAtOnce: atOnce };
  const seconds = makespan(
    rows.map((row) => row.seconds),
    atOnce,
  );
  return { folds: rows, foldsAtOnce: atOnce, seconds, memoryMb: atOnce * measured.peakMemoryMb };
}

/** What the timed steps do not show, one sentence per item. */
export function notMeasured({ foldsAtOnce }: RunEstimate, device: 'cpu' | 'gpu'): readonly string[] {
  return [
    'early stopping: the estimate assumes that every fold trains all its epochs',
    'preparing the data set, comparing masks at full image size, checkpoints, the ensemble',
    'augmentations: they run in parallel with the steps and may be slower than the steps',
    ...(foldsAtOnce > 1 ? [`how much ${foldsAtOnce} folds slow each other down: the steps were timed with one fold`] : []),
    ...(device === 'gpu' ? ["the GPU's own memory: TensorFlow reserves all of it, so the trial only shows that the steps fit"] : []),
  ];
}

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

/** Whole minutes, or whole seconds below ten minutes; at least one second. */
function span(seconds: number): string {
  const ms = seconds * SECOND_MS;
  const unit = ms < 10 * MINUTE_MS ? SECOND_MS : MINUTE_MS;
  return formatDuration(Math.max(1, Math.ceil(ms / unit - 1e-6)) * unit);
}

const secondsText = (value: number): string => `${value.toFixed(value < 1 ? 3 : 2)} s`;
const gigabytes = (mb: number): string => `${(mb / 1024).toFixed(2)} GB`;

/** One row per fold. The column TIME exists only if steps were timed. */
export function estimateTable({ folds }: RunEstimate): string {
  const head = ['FOLD', 'IMAGES', 'VALIDATED', 'STEPS/EPOCH'];
  const rows = folds.map(({ fold, train, validation, stepsPerEpoch, seconds: time }) => [
    ...[fold, train, validation, stepsPerEpoch].map(String),
    ...(time === undefined ? [] : [span(time)]),
  ]);
  const isTimed = folds.some((fold) => fold.seconds !== undefined);
  return figureTable([isTimed ? [...head, 'TIME'] : head, ...rows]);
}

export type TimedSteps = StepFigures & { readonly steps: number; readonly device: 'cpu' | 'gpu' };

/** What was measured, what follows from it, and what was not measured. `limit` is the memory that all folds share. */
export function estimateNotes(
  { foldsAtOnce, seconds = 0, memoryMb = 0 }: RunEstimate,
  measured: TimedSteps,
  limit: { readonly mb: number; readonly from: string },
  missing: readonly string[],
): string {
  const folds = foldsAtOnce === 1 ? '1 fold' : `${foldsAtOnce} folds`;
  const where = measured.device === 'gpu' ? 'a GPU of this machine' : 'this machine';
  const lines = [
    `${measured.steps} steps timed on ${where}: ${secondsText(measured.stepSeconds)} per step, ${secondsText(measured.firstStepSeconds)} for the first step, ${secondsText(measured.validationSecondsPerImage)} to validate an image`,
    `expected time: ${span(seconds)} with ${folds} at a time`,
    `expected peak memory: ${gigabytes(memoryMb)} with ${folds} at a time; the limit is ${gigabytes(limit.mb)} (${limit.from})`,
  ];
  return `${lines.join('\n')}\nnot measured:\n${missing.map((line) => `- ${line}\n`).join('')}`;
}
