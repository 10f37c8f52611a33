import type { CheckpointRecord } from '@carpal/artifacts/checkpoint-record.ts';
import type { Clock, ProgressWriter } from '@carpal/artifacts/progress.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import type { MemoryLimit } from '../memory/memory-limit.ts';
import type { FoldCheckpoints } from './checkpoints.ts';

/** One fold that is not finished, with everything opened that its training works with. */
export type FoldTraining = {
  readonly experiment: SegmentationExperiment;
  readonly fold: number;
  /** The fold's key in the store. */
  readonly key: string;
  readonly prepared: PreparedSet;
  readonly store: ArtifactStore;
  readonly checkpoints: FoldCheckpoints;
  /** Where to go on from. */
  readonly record: CheckpointRecord | undefined;
  readonly progress: ProgressWriter;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly checkpointEveryMs: number;
  readonly memoryLimit: MemoryLimit;
};

/** What ends a fold that was asked to stop; `where` says how far it had come. */
export function stopped({ fold }: FoldTraining, where: string): CarpalError {
  return new CarpalError('stopped-with-checkpoint', `fold ${fold} stopped ${where}`);
}
