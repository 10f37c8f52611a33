/** The ConfigMap that gives the stages the resolved experiment. */
import { createHash } from 'node:crypto';
import { withoutUndefined } from '@carpal/configs/json.ts';
import { FILE } from '@carpal/configs/names.ts';
import type { ModelSpec, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { MODEL_OPTIONS } from '@carpal/configs/schema/options.ts';
import type { KubernetesObject } from '@carpal/kubernetes/api/objects.ts';
import { experimentLabels, ownedBy } from './ownership.ts';

export type ConfigMap = KubernetesObject & { readonly immutable: true; readonly data: Readonly<Record<string, string>> };

/** Where the ConfigMap is mounted in a stage's container. */
export const SPEC_FOLDER = '/etc/carpal';

const HASH_DIGITS = 10;

/**
 * What the stages read. The order of properties is that of the schema, so equal specs give equal texts. Of run and placement it has only
 * what stages use: an experiment keeps the image with which it began, and an older stage rejects fields that it does not know.
 */
function specText({ apiVersion, kind, metadata: { name, namespace, uid }, spec }: SegmentationExperiment): string {
  const { run, placement, report: _report, ...learning } = spec;
  const { cpu, memory } = placement.ensemble ?? {};
  const own = withoutUndefined({ cpu, memory });
  const ensemble = Object.keys(own).length === 0 ? {} : { ensemble: own };
  const model = withoutDefaultVariant(learning.model);
  const read = { ...learning, model, run: { folds: run.folds }, placement: { cpu: placement.cpu, memory: placement.memory, ...ensemble } };
  return `${JSON.stringify({ apiVersion, kind, metadata: { name, namespace, uid }, spec: read })}\n`;
}

/** An older stage has no variants of CustomUNet. A stage of this version fills in the default. */
function withoutDefaultVariant(model: ModelSpec): ModelSpec {
  const { variant, ...options } = model.options;
  return model.name === 'CustomUNet' && variant === MODEL_OPTIONS.CustomUNet.variant ? { ...model, options } : model;
}

/** A short hash of what the stages read. It differs whenever that differs. */
export function specHash(experiment: SegmentationExperiment): string {
  return createHash('sha256').update(specText(experiment)).digest('hex').slice(0, HASH_DIGITS);
}

export function configMapName(experiment: SegmentationExperiment): string {
  return `${experiment.metadata.name}-spec-${specHash(experiment)}`;
}

/**
 * The experiment as the attempts that start now read it. Some fields of a spec may change; each version has a map of its own, and an attempt
 * reads the version with which it was created. Maps are therefore immutable, and no node needs a watch on them. They are deleted together
 * with the experiment.
 */
export function configMapManifest(experiment: SegmentationExperiment): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: configMapName(experiment),
      namespace: experiment.metadata.namespace,
      labels: experimentLabels(experiment),
      ownerReferences: [ownedBy(experiment)],
    },
    immutable: true,
    data: { [FILE.experiment]: specText(experiment) },
  };
}
