/** How many folds train at the same time on one machine. */
import type { CheckedManifest } from '@carpal/configs/schema/experiment.ts';

/** One fold keeps this many cores busy. More concurrent folds only compete for memory and time. */
const CORES_PER_FOLD = 2;

/**
 * How many folds run at the same time on a machine with this many cores. `run.parallelism` is written for a cluster, where each fold has
 * its own GPU. Here all folds share one machine, so it is an upper bound.
 */
export function localParallelism(experiment: CheckedManifest, cores: number): number {
  return Math.min(experiment.spec.run.parallelism, Math.max(1, Math.floor(cores / CORES_PER_FOLD)));
}

/**
 * The experiment with its parallelism limited by the machine, each stage's cores as its share of the machine, and without queues: processes
 * wait in none. A stage takes its number of threads from its cores, so a run ends with the same bits on every machine with as many cores.
 */
export function fitToMachine<Manifest extends CheckedManifest>(experiment: Manifest, cores: number): Manifest {
  const { spec } = experiment;
  const unqueued = <Placement extends object>(placement: Placement): Placement & { queueName: string } => ({ ...placement, queueName: '' });
  const { prepare, ensemble } = spec.placement;
  const fitted = { ...experiment, spec: { ...spec, run: { ...spec.run, parallelism: localParallelism(experiment, cores) } } };
  const placement = {
    ...unqueued(spec.placement),
    cpu: String(Math.max(1, Math.floor(cores / foldsAtOnce(fitted)))),
    ...(prepare === undefined ? {} : { prepare: unqueued(prepare) }),
    // It runs alone.
    ensemble: { ...unqueued(ensemble ?? {}), cpu: String(cores) },
  };
  return { ...fitted, spec: { ...fitted.spec, placement } };
}

/** How many folds of an experiment train at the same time. */
export function foldsAtOnce({ spec: { run } }: CheckedManifest): number {
  return Math.max(1, Math.min(run.parallelism, run.folds.length));
}
