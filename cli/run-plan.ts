/** `carpal run --dry-run`: what a run would do, and what it is expected to take. */
import { loadClasses } from '@carpal/configs/classes.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { dryRun, type PlannedCommand } from '@carpal/operator/local/dry-run.ts';
import { type Forecast, forecast, notMeasured } from '@carpal/operator/local/forecast.ts';
import { forecastNotes, forecastTable } from '@carpal/operator/local/forecast-text.ts';
import { foldsAtOnce } from '@carpal/operator/local/run-experiment.ts';
import { discoverDataset } from '@carpal/trainer/data/discover.ts';
import { type MemoryLimit, readMemoryLimit, sharedLimit } from '@carpal/trainer/fit/memory-limit.ts';
import { runTrial } from '@carpal/trainer/fit/run-trial.ts';
import { memoryTooSmall } from '@carpal/trainer/fit/too-large.ts';
import type { Measured, TrialOutcome } from '@carpal/trainer/fit/trial.ts';
import { foldImages } from './fold-images.ts';

export type RunPlan = {
  readonly experiment: SegmentationExperiment;
  readonly stages: readonly PlannedCommand[];
  readonly forecast: Forecast;
  /** Absent where no steps were tried, or no fold is left to train. */
  readonly trial?: TrialOutcome;
  readonly limit: MemoryLimit;
};

const TIMED_STEPS = 3;

/** Looks, and tries steps unless that is not wanted. Starts and writes nothing else. `dataset` is the folder at hand. */
export async function planRun(
  experiment: SegmentationExperiment,
  { workFolder, program, dataset, tries }: { workFolder: string; program: readonly string[]; dataset: string; tries: boolean },
): Promise<RunPlan> {
  const { spec } = experiment;
  const stages = await dryRun(experiment, workFolder, program);
  const open = stages.map(({ key }) => key.fold);
  const { train } = await discoverDataset(dataset);
  const folds = foldImages(train, spec.dataset.split).filter(({ fold }) => open.includes(fold));
  const limit = await readMemoryLimit();
  const atOnce = Math.min(foldsAtOnce(experiment), Math.max(1, folds.length));
  const limitMb = sharedLimit(limit, atOnce).bytes / 2 ** 20;
  const classes = loadClasses(spec.dataset.classes).length;
  const isTried = tries && folds.length > 0;
  const trial = isTried ? await runTrial({ spec, classes, steps: TIMED_STEPS }, { limitMb }) : undefined;
  const measured = trial?.kind === 'measured' ? trial : undefined;
  const expected = forecast(spec, folds, atOnce, measured);
  return { experiment, stages, forecast: expected, limit, ...(trial === undefined ? {} : { trial }) };
}

const limitMbOf = ({ limit }: RunPlan): number => limit.bytes / 2 ** 20;

/** The plan for people. */
export function planText(plan: RunPlan): string {
  const { stages, forecast: expected, trial, limit } = plan;
  const commands = stages.map(({ attempt, command: words }) => `${attempt}\n  ${words.join(' ')}\n`).join('');
  if (expected.folds.length === 0) return commands;
  const figures = `${commands}\n${forecastTable(expected)}`;
  if (trial?.kind !== 'measured') return `${figures}time and memory were not measured\n`;
  const timed = { ...trial, steps: TIMED_STEPS };
  return `${figures}\n${forecastNotes(expected, timed, { mb: limitMbOf(plan), from: limit.from }, notMeasured(expected, trial.device))}`;
}

/** The same as JSON. */
export function planJson(plan: RunPlan): object {
  const { experiment, stages, forecast: expected, trial, limit } = plan;
  const { input, training, model } = experiment.spec;
  const measured = measuredOf(trial);
  return {
    experiment: experiment.metadata.name,
    model: model.name,
    inputSize: input.size,
    batchSize: training.batchSize,
    epochs: training.epochs,
    stages: stages.map(({ attempt, command }) => ({ attempt, command })),
    ...expected,
    memoryLimitMb: Math.round(limitMbOf(plan)),
    memoryLimitFrom: limit.from,
    trial: measured === undefined ? null : { ...measured, steps: TIMED_STEPS },
    notMeasured: measured === undefined ? ['time and memory'] : notMeasured(expected, measured.device),
  };
}

function measuredOf(trial: TrialOutcome | undefined): Omit<Measured, 'kind'> | undefined {
  if (trial?.kind !== 'measured') return undefined;
  const { kind: _, ...measured } = trial;
  return measured;
}

/** The error that running would end in, as far as the trial tells: the plan is to be printed all the same. */
export function planError(plan: RunPlan): CarpalError | undefined {
  const { trial, experiment, forecast: expected, limit } = plan;
  if (trial === undefined || trial.kind === 'measured') return undefined;
  const { spec } = experiment;
  if (trial.kind === 'failed') return new CarpalError('trial-failed', trial.message);
  if (trial.kind === 'too-slow') {
    return new CarpalError('trial-failed', `the steps of the trial were not done in ${trial.seconds} s`, {
      remedy: 'Lower input.size or training.batchSize; --no-trial leaves the trial out.',
    });
  }
  const share = sharedLimit(limit, expected.foldsAtOnce);
  return memoryTooSmall({
    network: spec.model.name,
    size: spec.input.size,
    batchSize: spec.training.batchSize,
    limitMb: share.bytes / 2 ** 20,
    from: `of ${share.from}`,
    ...(trial.foretold === undefined ? {} : { neededMb: trial.foretold.memoryMb, fitting: trial.foretold.fitting }),
  });
}
