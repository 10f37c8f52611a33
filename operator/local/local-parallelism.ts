import type { CheckedManifest } from '@carpal/configs/schema/experiment.ts';

/** A fold keeps this many cores busy by itself; more folds at once only take memory and each other's time. */
const CORES_PER_FOLD = 2;

/**
 * How many folds run at once on a machine of so many cores. `run.parallelism` is written for a cluster, where each fold has a GPU of its
 * own; here all share one machine, so it is an upper bound.
 */
export function localParallelism(experiment: CheckedManifest, cores: number): number {
  return Math.min(experiment.spec.run.parallelism, Math.max(1, Math.floor(cores / CORES_PER_FOLD)));
}

/** The experiment with its parallelism bounded by the machine. */
export function fitToMachine<Manifest extends CheckedManifest>(experiment: Manifest, cores: number): Manifest {
  const { spec } = experiment;
  return { ...experiment, spec: { ...spec, run: { ...spec.run, parallelism: localParallelism(experiment, cores) } } };
}
