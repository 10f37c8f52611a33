import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { PreparedSet } from '../data/prepared.ts';
import type { MemoryLimit } from '../memory/memory-limit.ts';
import type { CheckpointRecord } from './checkpoint-record.ts';
import type { FoldCheckpoints } from './checkpoints.ts';
import type { Clock, ProgressFile } from './progress-file.ts';

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
  readonly progress: ProgressFile;
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
