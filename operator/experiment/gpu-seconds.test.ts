import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { at, attempt, ENSEMBLE, experimentWith, fold, PREPARE, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { StageRun } from './observed.ts';
import { plan } from './plan.ts';

const time = (second: number): string => at(second).toISOString();
type Placement = Partial<SegmentationExperiment['spec']['placement']>;

function experiment(placement: Placement, run = {}, generation = 1): SegmentationExperiment {
  const made = experimentWith({ folds: [0], ...run });
  return {
    ...made,
    metadata: { ...made.metadata, generation },
    spec: { ...made.spec, placement: { ...made.spec.placement, ...placement } },
  };
}

/** An attempt that ran for 100 seconds. */
const ended = (key: Parameters<typeof attempt>[0], number: number, fields: Partial<StageRun>): StageRun =>
  attempt(key, number, { startedAt: time(number * 1000), finishedAt: time(number * 1000 + 100), ...fields });
const all = [
  ended(PREPARE, 1, { state: 'succeeded' }),
  ended(fold(0), 1, { state: 'failed', exitCode: 1 }),
  ended(fold(0), 2, { state: 'succeeded' }),
  ended(ENSEMBLE, 1, { state: 'succeeded' }),
];

describe('the GPU seconds in the status', () => {
  it.each<[string, Placement, number]>([
    ['the folds and the ensemble have the GPUs of the placement, prepare has none', { gpus: 2 }, 2 * 200 + 2 * 100],
    ['the ensemble has its own', { gpus: 2, ensemble: { gpus: 1 } }, 2 * 200 + 100],
    ['the ensemble runs without a GPU', { gpus: 2, ensemble: { gpus: 0 } }, 2 * 200],
    ['prepare has its own', { gpus: 1, prepare: { gpus: 3 } }, 300 + 200 + 100],
  ])('are the seconds of every ended attempt times its GPUs: %s', (_what, placement, seconds) => {
    expect(plan(experiment(placement), seen(all), at(9000)).status).toMatchObject({ state: 'Complete', gpuSeconds: seconds });
  });

  it('are absent while no attempt with a GPU has ended', () => {
    expect(plan(experiment({}), seen([all[0] as StageRun]), at(1200)).status).not.toHaveProperty('gpuSeconds');
  });

  it('are the same if each end is seen on its own, if attempts are removed, and if the status is from an older version', () => {
    let status: ExperimentStatus | undefined;
    for (const count of [1, 2, 3]) status = plan(experiment({}), seen(all.slice(0, count), status), at(1200 * count)).status;
    expect(status?.gpuSeconds).toBe(200);
    const { gpuSeconds: _gpuSeconds, ...older } = status as ExperimentStatus;
    const last = [ended(ENSEMBLE, 1, { state: 'succeeded' })];
    for (const before of [status, older]) expect(plan(experiment({}), seen(last, before), at(9000)).status.gpuSeconds).toBe(300);
  });

  it('continue to count when the experiment is reopened, which resets the run time of its failed stages', () => {
    const wrong = [all[0] as StageRun, ended(fold(0), 1, { state: 'failed', exitCode: 65 })];
    const failed = plan(experiment({}), seen(wrong), at(1200)).status;
    expect(failed).toMatchObject({ state: 'Failed', gpuSeconds: 100, folds: [{ activeSeconds: 100 }] });
    const reopened = experiment({}, { retry: 1 }, 2);
    const again = plan(reopened, seen(wrong, failed), at(1300)).status;
    expect(again).toMatchObject({ gpuSeconds: 100, folds: [{ activeSeconds: 0 }] });
    expect(plan(reopened, seen([...wrong, ended(fold(0), 2, { state: 'succeeded' })], again), at(2200)).status.gpuSeconds).toBe(200);
  });
});
