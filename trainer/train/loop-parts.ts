import type { MetricsLog } from '@carpal/artifacts/metrics.ts';
import type { Clock, ProgressWriter } from '@carpal/artifacts/progress.ts';
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import type { PreparedSample } from '@carpal/report/dataset/prepared-set.ts';
import type { Schedule } from '../objective/schedules.ts';
import type { Evaluator, TrainingStep } from '../step/step.ts';
import type { FoldCheckpoints } from './checkpoints.ts';
import type { DiceThread } from './dice-thread.ts';
import type { ValidationSource } from './validate.ts';

/** Everything a fold's training works with. The engine's objects belong to the caller, who disposes of them. */
export type LoopParts = {
  readonly spec: ExperimentSpec;
  readonly preparedHash: string;
  readonly trainSamples: readonly PreparedSample[];
  readonly validation: ValidationSource;
  readonly dices: DiceThread;
  readonly step: TrainingStep;
  readonly evaluator: Evaluator;
  readonly schedule: Schedule;
  readonly checkpoints: FoldCheckpoints;
  readonly metrics: MetricsLog;
  readonly progress: ProgressWriter;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  /** Memory of the process now, in MB. */
  readonly memoryMb: () => number;
  /** How much training a kill may cost within an epoch. */
  readonly checkpointEveryMs: number;
  /** How many validations the masks after the last epoch take, about. */
  readonly outOfFoldValidations: number;
};
