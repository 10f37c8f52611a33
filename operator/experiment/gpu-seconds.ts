/** How much GPU time stages use: the seconds that their containers ran, times the GPUs that they request. */

import type { PlacementSpec } from '@carpal/configs/schema/experiment.ts';
import type { StageName } from '@carpal/configs/schema/progress.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { entriesOf, type Stages, stageAt } from './stages.ts';

/** What decides the GPUs of each stage. */
type GpuPlacement = Pick<PlacementSpec, 'gpus' | 'prepare' | 'ensemble'>;

/** The GPUs that an attempt of the stage requests. */
export function gpusOf({ gpus, prepare, ensemble }: GpuPlacement, stage: StageName): number {
  if (stage === 'prepare') return prepare?.gpus ?? 0;
  return stage === 'ensemble' ? (ensemble?.gpus ?? gpus) : gpus;
}

/** The seconds that were added to a stage's run time. A reopened stage begins again at 0. */
export function addedSeconds(before: number, after: number): number {
  return Math.max(0, after - before);
}

/** In the status, in whole milliseconds. */
const rounded = (seconds: number): number => Math.round(seconds * 1000) / 1000;

/** The GPU seconds of the experiment, given its previous status and its stages now. A status of an older version does not have them. */
export function gpuSecondsAfter(placement: GpuPlacement, previous: ExperimentStatus | undefined, stages: Stages): number {
  const secondsOf = (all: Stages, secondsBefore: (key: Parameters<typeof stageAt>[1]) => number): number =>
    entriesOf(all).reduce(
      (sum, [key, { activeSeconds }]) => sum + addedSeconds(secondsBefore(key), activeSeconds) * gpusOf(placement, key.stage),
      0,
    );
  const known = previous === undefined ? 0 : (previous.gpuSeconds ?? secondsOf(previous, () => 0));
  return rounded(known + secondsOf(stages, (key) => stageAt(previous, key)?.activeSeconds ?? 0));
}
