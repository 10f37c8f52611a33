import type { CheckpointRecord, EngineIdentity } from '@carpal/artifacts/checkpoint-record.ts';
import type { MetricsLog } from '@carpal/artifacts/metrics.ts';
import type { Clock, ProgressWriter } from '@carpal/artifacts/progress.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { ExperimentSpec, SegmentationExperiment, SplitSpec } from '@carpal/configs/schema/experiment.ts';
import type { PreparedSample, PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { assignFolds } from '../data/folds.ts';
import type { MemoryLimit } from '../memory/process-memory.ts';
import type { Schedule } from '../objective/schedules.ts';
import type { Evaluator, TrainingStep } from '../step/step.ts';
import type { FoldCheckpoints } from './checkpoints.ts';
import type { DiceThread } from './dice-thread.ts';
import type { ValidationSource } from './validate.ts';

/** An unfinished fold with everything that its training needs. */
export type FoldTraining = {
  readonly experiment: SegmentationExperiment;
  readonly fold: number;
  /** The fold's key in the store. */
  readonly key: string;
  readonly prepared: PreparedSet;
  readonly store: ArtifactStore;
  readonly checkpoints: FoldCheckpoints;
  /** The checkpoint to resume from. */
  readonly record: CheckpointRecord | undefined;
  readonly progress: ProgressWriter;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  /** A kill loses at most this much training time within an epoch. */
  readonly checkpointEveryMs: number;
  readonly memoryLimit: MemoryLimit;
  /** The engine of this process. */
  readonly engine: EngineIdentity;
  /** Of the ensemble stage. */
  readonly ensembleLimit: MemoryLimit;
};

/** Everything that the training loop of a fold needs. The caller disposes of the step and the evaluator. */
export type LoopParts = Pick<FoldTraining, 'checkpoints' | 'progress' | 'clock' | 'signal' | 'log' | 'checkpointEveryMs'> & {
  readonly spec: ExperimentSpec;
  readonly preparedHash: string;
  readonly trainSamples: readonly PreparedSample[];
  readonly validation: ValidationSource;
  readonly dices: DiceThread;
  readonly step: TrainingStep;
  readonly evaluator: Evaluator;
  readonly schedule: Schedule;
  readonly metrics: MetricsLog;
  /** Current memory of the process in MB. */
  readonly memoryMb: () => number;
  /** How long the out-of-fold masks after the last epoch take, as an approximate number of validations. */
  readonly outOfFoldValidations: number;
};

/** The error of a fold that stopped on request. `where` is the position it reached. */
export function stopped({ fold }: FoldTraining, where: string): CarpalError {
  return new CarpalError('stopped-with-checkpoint', `fold ${fold} stopped ${where}`);
}

/** The validation images of a fold, in batches as training sees them. */
export function validationSource(
  { training, input }: ExperimentSpec,
  prepared: PreparedSet,
  samples: readonly PreparedSample[],
): ValidationSource {
  return {
    preparedFolder: prepared.folder,
    samples,
    classes: prepared.classes.length,
    size: prepared.size,
    cropSize: input.crop?.size,
    batchSize: training.batchSize,
    seed: training.seed,
    targets: input.targets,
  };
}

/** The images that a fold trains on and those that it validates on. No person is in both. */
export type FoldSamples = { readonly train: readonly PreparedSample[]; readonly validation: readonly PreparedSample[] };

/** Splits the annotated samples of a prepared set for one fold. Throws `folds-exceed-people` if there are fewer people than folds. */
export function splitFold(prepared: Pick<PreparedSet, 'samples'>, split: SplitSpec, fold: number): FoldSamples {
  const samples = prepared.samples.filter(({ half }) => half === 'train');
  const foldOf = assignFolds(samples, split);
  const validation = samples.filter(({ group }) => foldOf.get(group) === fold);
  if (validation.length === 0)
    throw new CarpalError('usage-invalid', `fold ${fold} of ${split.folds} contains no person`, { where: '--fold' });
  return { train: samples.filter(({ group }) => foldOf.get(group) !== fold), validation };
}
