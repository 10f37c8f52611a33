/** The operator's metrics: those of every controller, and what the experiments of the cluster do. */

import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { StageName } from '@carpal/configs/schema/progress.ts';
import { type ExperimentState, FRESH_STAGE, holdsPlace, isTrue } from '@carpal/configs/schema/status.ts';
import { createRuntimeMetrics, followValues, type MetricValues, type RuntimeMetrics } from '@carpal/kubernetes/runtime/metrics.ts';
import { Counter } from 'prom-client';
import { gpusOf } from '../experiment/gpu-seconds.ts';
import { entriesOf } from '../experiment/stages.ts';
import type { KeptExperiment } from './experiment-object.ts';

export type OperatorMetrics = RuntimeMetrics & {
  stageEnded(stage: string, outcome: string): void;
  gpuSeconds(seconds: number): void;
  /** The artifact store could not be read. */
  storeUnreachable(): void;
  /** Experiments by state, counted when the page is requested. */
  followExperiments(count: () => Readonly<Record<string, number>>): void;
  /** Held experiments by reason, counted when the page is requested. */
  followHeld(count: () => HeldCounts): void;
  /** Stages of active experiments, counted when the page is requested. */
  followStages(count: () => readonly StageCount[]): void;
};

/** `ManifestNotUnderstood`: they have the condition Held. `NamespaceNotOptedIn`: the operator may not write in their namespaces. */
export type HeldCounts = Readonly<Record<'ManifestNotUnderstood' | 'NamespaceNotOptedIn', number>>;

const NONE_HELD: HeldCounts = { ManifestNotUnderstood: 0, NamespaceNotOptedIn: 0 };

/** Stages in one state that have a pod or wait for one, and the GPUs that they request. */
export type StageCount = { readonly stage: string; readonly state: string; readonly count: number; readonly gpus: number };

export function createMetrics(): OperatorMetrics {
  const runtime = createRuntimeMetrics();
  const { registry } = runtime;
  const registers = [registry];
  const attempts = new Counter({
    name: 'carpal_stage_attempts_total',
    help: 'Ended attempts of stages.',
    labelNames: ['stage', 'outcome'],
    registers,
  });
  const gpu = new Counter({
    name: 'carpal_gpu_seconds_total',
    help: 'Seconds that the containers of stages ran, times their GPUs; counted when an attempt ends or is evicted.',
    registers,
  });
  const storeFailures = new Counter({
    name: 'carpal_store_failures_total',
    help: 'Times that the artifact store could not be read. After each, the operator pauses its reads.',
    registers,
  });

  let experiments = (): Readonly<Record<string, number>> => ({});
  let held = (): HeldCounts => NONE_HELD;
  let stages = (): readonly StageCount[] => [];
  const follow = (name: string, help: string, labelNames: readonly string[], read: () => MetricValues): void =>
    followValues(registry, name, help, labelNames, read);
  follow('carpal_experiments', 'Experiments by state.', ['state'], () =>
    Object.entries(experiments()).map(([state, value]) => [{ state }, value] as const),
  );
  follow('carpal_experiments_held', 'Experiments for which the operator does nothing, by reason.', ['reason'], () =>
    Object.entries(held()).map(([reason, value]) => [{ reason }, value] as const),
  );
  follow('carpal_stages', 'Stages that run or wait, by state.', ['stage', 'state'], () =>
    stages().map(({ stage, state, count }) => [{ stage, state }, count] as const),
  );
  follow('carpal_gpus', 'GPUs that stages hold or wait for, by the state of the stage.', ['state'], () =>
    Array.from(
      Map.groupBy(stages(), ({ state }) => state),
      ([state, rows]) => [{ state }, rows.reduce((sum, { gpus }) => sum + gpus, 0)] as const,
    ),
  );

  return {
    ...runtime,
    leading(isLeader) {
      runtime.leading(isLeader);
      if (isLeader) return;
      experiments = () => ({});
      held = () => NONE_HELD;
      stages = () => [];
    },
    stageEnded: (stage, outcome) => attempts.inc({ stage, outcome }),
    gpuSeconds: (seconds) => gpu.inc(seconds),
    storeUnreachable: () => storeFailures.inc(),
    followExperiments: (count) => {
      experiments = count;
    },
    followHeld: (count) => {
      held = count;
    },
    followStages: (count) => {
      stages = count;
    },
  };
}

const STATES: readonly ExperimentState[] = ['Pending', 'Preparing', 'Queued', 'Training', 'Ensembling', 'Suspended', 'Complete', 'Failed'];

/** Experiments in each state. One without a status is Pending. */
export function countExperiments(experiments: readonly KeptExperiment[]): Readonly<Record<ExperimentState, number>> {
  const counts = Object.fromEntries(STATES.map((state) => [state, 0])) as Record<ExperimentState, number>;
  for (const { ended, object } of experiments) {
    const state = ended === undefined ? (object?.status?.state ?? 'Pending') : ended.failed ? 'Failed' : 'Complete';
    counts[STATES.includes(state) ? state : 'Pending'] += 1;
  }
  return counts;
}

/** Held experiments by reason. `isWithheld`: whether the operator may not write in a namespace. */
export function countHeld(experiments: readonly KeptExperiment[], isWithheld: (namespace: string) => boolean): HeldCounts {
  const active = experiments.filter(({ ended }) => ended === undefined);
  const withheld = active.filter(({ metadata: { namespace = 'default' } }) => isWithheld(namespace));
  const held = active.filter(({ object }) => isTrue(object?.status, 'Held'));
  return { ManifestNotUnderstood: held.length, NamespaceNotOptedIn: withheld.length };
}

/** The GPUs of a stage. An object of the cluster may specify less than the schema fills in. */
function gpusOfStage(spec: unknown, stage: StageName): number {
  const { gpus = 1, ...placement } = (spec as Partial<SegmentationExperiment['spec']> | undefined)?.placement ?? {};
  return gpusOf({ ...placement, gpus }, stage);
}

/** Stages of active experiments that have an attempt, by stage and state. */
export function countStages(experiments: readonly KeptExperiment[]): readonly StageCount[] {
  const counts = new Map<string, StageCount>();
  for (const { object } of experiments) {
    // The stages are not sorted as in `statusOfObject`: the order does not matter here, and each page counts thousands of experiments.
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
      const gpus = before.gpus + gpusOfStage(object.spec, stage);
      counts.set(`${stage} ${state}`, { ...before, count: before.count + 1, gpus });
    }
  }
  return [...counts.values()];
}
