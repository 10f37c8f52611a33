/** What the experiments of a cluster are about, counted for the metrics. */

import { type ExperimentState, FRESH_STAGE, holdsPlace } from '@carpal/configs/experiment-status.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { StageCount } from '@carpal/kubernetes/runtime/metrics.ts';
import { entriesOf } from '../experiment/stages.ts';
import type { KeptExperiment } from './experiment-object.ts';

const STATES: readonly ExperimentState[] = ['Pending', 'Preparing', 'Queued', 'Training', 'Ensembling', 'Suspended', 'Complete', 'Failed'];

/** Experiments in each state; one that nobody has looked at yet is Pending. */
export function countExperiments(experiments: readonly KeptExperiment[]): Readonly<Record<ExperimentState, number>> {
  const counts = Object.fromEntries(STATES.map((state) => [state, 0])) as Record<ExperimentState, number>;
  for (const { ended, object } of experiments) {
    const told = ended === undefined ? (object?.status?.state ?? 'Pending') : ended.failed ? 'Failed' : 'Complete';
    counts[STATES.includes(told) ? told : 'Pending'] += 1;
  }
  return counts;
}

/** The GPUs of a fold; 1 where an object does not say, as in the schema. */
const gpusOf = (spec: unknown): number => (spec as Partial<SegmentationExperiment['spec']> | undefined)?.placement?.gpus ?? 1;

/** Stages of running experiments that have an attempt, by stage and state. */
export function countStages(experiments: readonly KeptExperiment[]): readonly StageCount[] {
  const counts = new Map<string, StageCount>();
  for (const { object } of experiments) {
    // As it is: the order of its lists does not matter here, and this is done for thousands each time that the page is asked for.
    const status = object?.status;
    if (object === undefined || status === undefined) continue;
    for (const [{ stage }, seen] of entriesOf({
      folds: status.folds ?? [],
      prepare: status.prepare ?? FRESH_STAGE,
      ensemble: status.ensemble ?? FRESH_STAGE,
    })) {
      if (!holdsPlace(seen)) continue;
      const { state } = seen;
      const before = counts.get(`${stage} ${state}`) ?? { stage, state, count: 0, gpus: 0 };
      const gpus = before.gpus + (stage === 'fold' ? gpusOf(object.spec) : 0);
      counts.set(`${stage} ${state}`, { ...before, count: before.count + 1, gpus });
    }
  }
  return [...counts.values()];
}
