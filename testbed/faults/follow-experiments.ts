/** Follows all experiments of a cluster with a watch of its own. */
import { EXPERIMENTS } from '@carpal/configs/names.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { createReflector } from '@carpal/kubernetes/runtime/reflector.ts';
import type { ExperimentObject } from '@carpal/operator/controller/experiment-object.ts';

export type Follower = {
  /** Every version of the experiment that was seen, oldest first. */
  versionsOf(name: string): readonly ExperimentObject[];
  /** The first version for which `isSo` returns true. */
  until(name: string, isSo: (experiment: ExperimentObject) => boolean): Promise<ExperimentObject>;
  stop(): Promise<void>;
};

type Waiting = {
  readonly name: string;
  readonly isSo: (experiment: ExperimentObject) => boolean;
  found(experiment: ExperimentObject): void;
};

/** Experiments are distinguished by name alone, so give each its own. */
export async function followExperiments(client: KubernetesClient): Promise<Follower> {
  const versions = new Map<string, ExperimentObject[]>();
  const waiting = new Set<Waiting>();
  const ending = new AbortController();
  const reflector = createReflector<ExperimentObject, ExperimentObject>({
    client,
    path: resourcePath(EXPERIMENTS),
    keep: (experiment) => experiment,
    random: () => 0.5,
    onChange: ({ type, object }) => {
      if (type === 'deleted') return;
      const { name } = object.metadata;
      versions.set(name, [...(versions.get(name) ?? []), object]);
      for (const one of waiting) {
        if (one.name !== name || !one.isSo(object)) continue;
        waiting.delete(one);
        one.found(object);
      }
    },
  });
  const running = reflector.run(ending.signal);
  await reflector.synced;
  const versionsOf = (name: string): readonly ExperimentObject[] => versions.get(name) ?? [];
  return {
    versionsOf,
    until: (name, isSo) =>
      new Promise((found) => {
        const seen = versionsOf(name).find(isSo);
        if (seen === undefined) waiting.add({ name, isSo, found });
        else found(seen);
      }),
    stop: async () => {
      ending.abort();
      await running;
    },
  };
}
