/** The ConfigMap that gives the stages the resolved experiment. */
import { FILE } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { KubernetesObject } from '@carpal/kubernetes/api/objects.ts';
import { experimentLabels, ownedBy, uidOf } from './ownership.ts';

export type ConfigMap = KubernetesObject & { readonly immutable: true; readonly data: Readonly<Record<string, string>> };

/** Where the ConfigMap is mounted in a stage's container. */
export const SPEC_FOLDER = '/etc/carpal';

export function configMapName({ metadata }: SegmentationExperiment): string {
  return `${metadata.name}-spec`;
}

/**
 * The experiment as it was when its first stage began. Stages do not read the fields that may still change (run.suspend, run.parallelism,
 * the time to live, reporters). The map is therefore immutable, and no node needs a watch on it.
 */
export function configMapManifest(experiment: SegmentationExperiment): ConfigMap {
  const { apiVersion, kind, metadata, spec } = experiment;
  const { name, namespace } = metadata;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: configMapName(experiment),
      namespace,
      labels: experimentLabels(experiment),
      ownerReferences: [ownedBy(experiment)],
    },
    immutable: true,
    data: {
      [FILE.experiment]: `${JSON.stringify({ apiVersion, kind, metadata: { name, namespace, uid: uidOf(experiment) }, spec })}\n`,
    },
  };
}
