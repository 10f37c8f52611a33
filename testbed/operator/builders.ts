/** Inputs of the planner for tests: an experiment, attempts and progress reports, at times that start at 0. */

import type { StageKey } from '@carpal/configs/names.ts';
import { experimentSchema, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { StageProgress } from '@carpal/configs/schema/progress.ts';
import type { Observed, StageRun } from '@carpal/operator/experiment/observed.ts';
import { attemptName } from '@carpal/operator/experiment/stage.ts';

type Run = Partial<SegmentationExperiment['spec']['run']>;

/** The time `seconds` after the start of the test. */
export function at(seconds: number): Date {
  return new Date(Date.UTC(2000, 0, 1) + Math.round(seconds * 1000));
}

/** An experiment named `wrist` with three folds and these run settings. */
export function experimentWith(run: Run = {}, dataset = 'data'): SegmentationExperiment {
  return experimentSchema.parse({
    apiVersion: 'carpal.dev/v1alpha1',
    kind: 'SegmentationExperiment',
    metadata: { name: 'wrist', uid: 'u1' },
    spec: { dataset: { uri: dataset, split: { folds: 3 } }, model: { name: 'SlimUNet' }, run: { folds: [0, 1, 2], ...run } },
  });
}

/** An attempt of a stage. It starts at 0 unless `fields` says otherwise. */
export function attempt(key: StageKey, number: number, fields: Partial<StageRun>): StageRun {
  const started = fields.state === 'queued' || fields.state === 'pending' ? {} : { startedAt: at(0).toISOString() };
  return {
    ...key,
    name: attemptName('wrist', key, number),
    attempt: number,
    state: 'running',
    pendingSince: at(0).toISOString(),
    ...started,
    ...fields,
  };
}

export const PREPARE: StageKey = { stage: 'prepare' };
export const ENSEMBLE: StageKey = { stage: 'ensemble' };
export const fold = (index: number): StageKey => ({ stage: 'fold', fold: index });

export const prepared = (): StageRun => attempt(PREPARE, 1, { state: 'succeeded', finishedAt: at(1).toISOString() });

/** An observation of these attempts. */
export function seen(runs: readonly StageRun[], status?: Observed['status'], folds: readonly StageProgress[] = []): Observed {
  return {
    runs,
    held: [],
    progress: { folds: new Map(folds.map((report) => [report.fold ?? 0, report])) },
    ...(status === undefined ? {} : { status }),
  };
}

/** A fold's progress report. */
export function report(index: number, fields: Partial<StageProgress>): StageProgress {
  return { stage: 'fold', fold: index, state: 'running', updatedAt: at(0).toISOString(), ...fields };
}
