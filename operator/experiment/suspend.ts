/** Suspension: running attempts are stopped (they leave a checkpoint); going on later counts against no budget. */

import { holdsPlace } from '@carpal/configs/experiment-status.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { mapStages, type Stages } from './stages.ts';

/** Whether the experiment is to stand still. */
export function isSuspended(experiment: SegmentationExperiment): boolean {
  return experiment.spec.run.suspend;
}

/**
 * The stages once everything alive has been asked to stop. This status is written before anything is stopped: see settle.ts. `Stopping`
 * where their end will be looked at, `Stopped` where the experiment itself ends and nothing is looked at any more.
 */
export function stopAll(stages: Stages, state: 'Stopping' | 'Stopped'): Stages {
  return mapStages(stages, (_key, stage) => (holdsPlace(stage) ? { ...stage, state } : stage));
}
