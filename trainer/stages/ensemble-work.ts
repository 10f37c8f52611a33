import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import type { ChosenThreshold } from '@carpal/artifacts/thresholds.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import type { Pause } from '../infer/pause.ts';
import type { MemoryLimit } from '../memory/process-memory.ts';

export type EnsembleStage = {
  readonly experiment: SegmentationExperiment;
  readonly store: ArtifactStore;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly signal?: AbortSignal;
  /** What it runs on, for the report. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly onProgress?: (done: number, total: number) => void;
  /** What the process may use, by default what the system says. */
  readonly memoryLimit?: MemoryLimit;
};

/** What the parts of the ensemble share. */
export type EnsembleWork = EnsembleStage & {
  readonly prepared: PreparedSet;
  readonly thresholds: readonly ChosenThreshold[];
  /** A local folder that is published when everything is in it. */
  readonly folder: string;
  /** Counts an image as done. */
  readonly imageDone: () => Promise<void>;
  /** Throws stopped-with-checkpoint when a stop was asked for. */
  readonly pause: Pause;
};
