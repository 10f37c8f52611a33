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

/** The experiment with its parallelism limited by the machine, and without queues: processes wait in none. */
export function fitToMachine<Manifest extends CheckedManifest>(experiment: Manifest, cores: number): Manifest {
  const { spec } = experiment;
  const unqueued = <Placement extends object>(placement: Placement): Placement & { queueName: string } => ({ ...placement, queueName: '' });
  const { prepare, ensemble } = spec.placement;
  const placement = {
    ...unqueued(spec.placement),
    ...(prepare === undefined ? {} : { prepare: unqueued(prepare) }),
    ...(ensemble === undefined ? {} : { ensemble: unqueued(ensemble) }),
  };
  return { ...experiment, spec: { ...spec, placement, run: { ...spec.run, parallelism: localParallelism(experiment, cores) } } };
}

/** How many folds of an experiment train at the same time. */
export function foldsAtOnce({ spec: { run } }: CheckedManifest): number {
  return Math.max(1, Math.min(run.parallelism, run.folds.length));
}
