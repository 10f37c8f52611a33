/** What a run on this machine is expected to take, from measured steps. Pure arithmetic. */
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import { type FoldImages, foldWork } from '../cost/fold-work.ts';
import { makespan } from '../experiment/makespan.ts';

/** What was measured of one fold's process. */
export type StepFigures = {
  readonly peakMemoryMb: number;
  readonly firstStepSeconds: number;
  readonly stepSeconds: number;
  readonly validationSecondsPerImage: number;
};

export type FoldForecast = FoldImages & {
  readonly stepsPerEpoch: number;
  /** Absent where nothing was measured. */
  readonly seconds?: number;
};

export type Forecast = {
  readonly folds: readonly FoldForecast[];
  readonly foldsAtOnce: number;
  /** The rest is absent where nothing was measured. Until the last fold is trained. */
  readonly seconds?: number;
  /** Of all folds that run at once. */
  readonly memoryMb?: number;
};

/** The folds still to be trained, each from its beginning, with `foldsAtOnce` of them at a time. */
export function forecast(
  { training }: ExperimentSpec,
  folds: readonly FoldImages[],
  foldsAtOnce: number,
  measured: StepFigures | undefined,
): Forecast {
  const rows = folds.map((images): FoldForecast & { seconds: number } => {
    const { stepSeconds = 0, validationSecondsPerImage = 0, firstStepSeconds = 0 } = measured ?? {};
    const pace = { stepMs: 1000 * stepSeconds, validationMsPerImage: 1000 * validationSecondsPerImage };
    const seconds = firstStepSeconds + 3600 * foldWork(training, images, pace).hours;
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

/** What no trial tells, in words. */
export function notMeasured(forecasted: Forecast, device: 'cpu' | 'gpu'): readonly string[] {
  return [
    'early stopping: every fold is taken to train all its epochs, from the first',
    'preparing the data set, comparing masks at the size of the images, checkpoints, the ensemble',
    'augmentations, which are made beside the steps and may be slower than they are',
    ...(forecasted.foldsAtOnce > 1 ? [`what ${forecasted.foldsAtOnce} folds at a time take from each other: the steps ran alone`] : []),
    ...(device === 'gpu'
      ? ["the GPU's own memory, of which TensorFlow takes what it finds: the steps fitted, and that is all that is known"]
      : []),
  ];
}
