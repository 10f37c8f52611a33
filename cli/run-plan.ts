/** `carpal run --dry-run`: the stages that a run would execute, and their expected time and memory. */
import { loadClasses } from '@carpal/configs/classes.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { dryRun, type PlannedCommand } from '@carpal/operator/local/dry-run.ts';
import { estimateNotes, estimateRun, estimateTable, notMeasured, type RunEstimate } from '@carpal/operator/local/estimate-run.ts';
import { foldsAtOnce } from '@carpal/operator/local/local-parallelism.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { memoryTooSmall, sizeFieldOf } from '@carpal/trainer/memory/memory-too-small.ts';
import { type MemoryLimit, readMemoryLimit, sharedLimit } from '@carpal/trainer/memory/process-memory.ts';
import type { Measured, TrialOutcome } from '@carpal/trainer/memory/trial.ts';
import { runTrial } from '@carpal/trainer/memory/trial.ts';
import { foldImages } from './fold-images.ts';

export type RunPlan = {
  readonly experiment: SegmentationExperiment;
  readonly stages: readonly PlannedCommand[];
  readonly estimate: RunEstimate;
  /** Absent if no steps were tried, or no fold is left to train. */
  readonly trial?: TrialOutcome;
  /** The machine's limit, and the share that each fold of the run gets. */
  readonly limit: MemoryLimit;
  readonly share: MemoryLimit;
};

export type PlanRequest = {
  readonly workFolder: string;
  readonly program: readonly string[];
  /** Whether the existing run of that name will be deleted. */
  readonly fresh: boolean;
  /** The local folder of the data set. */
  readonly dataset: string;
  readonly tries: boolean;
};

const TIMED_STEPS = 3;

/**
 * Plans, and runs trial steps if `tries` is true. Starts and writes nothing else. Throws what {@link dryRun} and {@link foldImages} throw.
 */
export async function planRun(experiment: SegmentationExperiment, request: PlanRequest): Promise<RunPlan> {
  const { spec } = experiment;
  const { dataset, tries } = request;
  const stages = await dryRun(experiment, request);
  const open = stages.map(({ key }) => key.fold);
  const { train } = await discoverDataset(dataset);
  const folds = foldImages(train, spec.dataset.split).filter(({ fold }) => open.includes(fold));
  const limit = await readMemoryLimit();
  const atOnce = foldsAtOnce(experiment);
  const share = sharedLimit(limit, atOnce);
  const classes = loadClasses(spec.dataset.classes).length;
  const isTried = tries && folds.length > 0;
  const trial = isTried ? await runTrial({ spec, classes, steps: TIMED_STEPS }, { limitMb: megabytes(share) }) : undefined;
  const expected = estimateRun(spec, folds, atOnce, trial?.kind === 'measured' ? trial : undefined);
  return { experiment, stages, estimate: expected, limit, share, ...(trial === undefined ? {} : { trial }) };
}

const megabytes = ({ bytes }: MemoryLimit): number => bytes / 2 ** 20;

/** The plan as text. */
export function planText(plan: RunPlan): string {
  const { stages, estimate: expected, trial, limit } = plan;
  const commands = stages.map(({ attempt, command: words }) => `${attempt}\n  ${words.join(' ')}\n`).join('');
  if (expected.folds.length === 0) return commands;
  const figures = `${commands}\n${estimateTable(expected)}`;
  if (trial?.kind !== 'measured') return `${figures}time and memory were not measured\n`;
  const timed = { ...trial, steps: TIMED_STEPS };
  return `${figures}\n${estimateNotes(expected, timed, { mb: megabytes(limit), from: limit.from }, notMeasured(expected, trial.device))}`;
}

/** The plan as JSON. */
export function planJson(plan: RunPlan): object {
  const { experiment, stages, estimate: expected, trial, limit } = plan;
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
    memoryLimitMb: Math.round(megabytes(limit)),
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

/** The error that the run would end with, as far as the trial shows. The plan is printed as well. */
export function planError(plan: RunPlan): CarpalError | undefined {
  const { trial, experiment, share } = plan;
  if (trial === undefined || trial.kind === 'measured') return undefined;
  const { spec } = experiment;
  if (trial.kind === 'failed') return new CarpalError('trial-failed', trial.message);
  if (trial.kind === 'too-slow') {
    return new CarpalError('trial-failed', `the trial steps did not finish within ${trial.seconds} s`, {
      fix: `Lower ${sizeFieldOf(spec.input)} or training.batchSize; --no-trial skips the trial.`,
    });
  }
  return memoryTooSmall({
    network: spec.model.name,
    size: spec.input.size,
    sizeField: sizeFieldOf(spec.input),
    batchSize: spec.training.batchSize,
    limitMb: megabytes(share),
    from: share.from,
    ...(trial.estimate === undefined ? {} : { neededMb: trial.estimate.memoryMb, fitting: trial.estimate.fitting }),
  });
}
