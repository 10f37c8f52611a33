/** What a step of an experiment has ended, for the metrics. */

import { type ExperimentStatus, FRESH_STAGE } from '@carpal/configs/experiment-status.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { Stage } from '../experiment/stage.ts';
import { entriesOf, stageAt } from '../experiment/stages.ts';

export type AttemptEnd = {
  readonly stage: Stage;
  readonly outcome: 'succeeded' | 'failed' | 'disrupted' | 'stopped';
  /** Seconds that the attempt ran, times the GPUs that it held. */
  readonly gpuSeconds: number;
};

/** The attempts that ended between two statuses of an experiment. */
export function attemptEnds(
  { spec }: SegmentationExperiment,
  before: ExperimentStatus | undefined,
  after: ExperimentStatus,
): readonly AttemptEnd[] {
  return entriesOf(after).flatMap(([key, stage]): AttemptEnd[] => {
    const old = stageAt(before, key) ?? FRESH_STAGE;
    const gpus = key.stage === 'fold' ? spec.placement.gpus : 0;
    const end = { stage: key.stage, gpuSeconds: Math.max(0, stage.activeSeconds - old.activeSeconds) * gpus };
    if (stage.state === 'Succeeded' && old.state !== 'Succeeded') return [{ ...end, outcome: 'succeeded' }];
    if (stage.failures > old.failures) return [{ ...end, outcome: 'failed' }];
    if (stage.disruptions > old.disruptions) return [{ ...end, outcome: 'disrupted' }];
    const stopped = old.state === 'Stopping' || stage.activeSeconds > old.activeSeconds;
    // One that may go on at once starts again in the same status.
    return (stage.state === 'Stopped' || stage.state === 'Starting') && stopped ? [{ ...end, outcome: 'stopped' }] : [];
  });
}
