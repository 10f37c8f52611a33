/**
 * Which experiment an object contains, validated once per generation: validation reads the whole manifest, and the status changes much more
 * often.
 */
import { checkCustomResource, type ResourceCheck } from '@carpal/configs/check/check-custom-resource.ts';
import { type Finding, formatPath } from '@carpal/configs/finding.ts';
import { experimentSchema, type SegmentationExperiment, specSchema } from '@carpal/configs/schema/experiment.ts';
import { datasetSchema } from '@carpal/configs/schema/learning.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { keyOf } from '@carpal/kubernetes/api/objects.ts';
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import { hasBegun } from '../experiment/stages.ts';
import type { ExperimentObject } from './experiment-object.ts';

/** An experiment that can run, or the rules that its manifest breaks. */
export type Runnable = { readonly experiment: SegmentationExperiment } | { readonly findings: readonly Finding[] };

/** The results for one generation: for an experiment that has not begun, and for one that has. */
type Validated = { readonly generation: number | undefined; readonly fresh: Runnable; readonly begun: Runnable };

export class ValidationCache {
  readonly #classLists: readonly string[];
  readonly #log: Log;
  #latest: Validated | undefined;

  constructor(classLists: readonly string[], log: Log) {
    this.#classLists = classLists;
    this.#log = log;
  }

  /** `status` is that of the object. Apart from the generation, the metadata in the result is from the first call for this generation. */
  check(object: ExperimentObject, status: ExperimentStatus | undefined): Runnable {
    const { generation } = object.metadata;
    // An object without a generation may change unnoticed.
    const isCurrent = this.#latest !== undefined && generation !== undefined && this.#latest.generation === generation;
    const validated = isCurrent && this.#latest !== undefined ? this.#latest : this.#validate(object, status);
    return hasBegun(status) ? validated.begun : validated.fresh;
  }

  #validate(object: ExperimentObject, status: ExperimentStatus | undefined): Validated {
    const checked = checkCustomResource(object, this.#classLists);
    const begun = runnable(checked, object, true);
    if ('experiment' in begun) this.#report(object, status, checked);
    this.#latest = { generation: object.metadata.generation, fresh: checked, begun };
    return this.#latest;
  }

  #report(object: ExperimentObject, status: ExperimentStatus | undefined, checked: ResourceCheck): void {
    const experiment = keyOf(object.metadata);
    if (!('findings' in checked)) {
      const fields = checked.unknown.map(formatPath);
      if (fields.length > 0) this.#log.info({ experiment, fields }, 'ignores unknown fields of a newer CRD');
      return;
    }
    if (!hasBegun(status)) return;
    const mistakes = checked.findings.map(({ path, message }) => `${formatPath(path)} ${message}`);
    this.#log.warn({ experiment, mistakes }, 'the manifest breaks rules that are stricter than when the experiment began; it continues');
  }
}

/**
 * What the controller runs for a validated object. An experiment that began before a newer operator made a rule stricter continues
 * unchanged: what decides its weights cannot have changed since then, and the operator itself only needs to know where and how often stages
 * run. It is held if it has a value there that only a newer operator knows.
 */
export function runnable(checked: ResourceCheck, object: ExperimentObject, begun: boolean): Runnable {
  if (!('findings' in checked) || !begun) return checked;
  const experiment = asItBegan(object);
  return experiment === undefined ? checked : { experiment };
}

/**
 * The fields that determine plans and Jobs, and those that the ensemble stage will read when it starts, are checked; the others are not.
 */
const neededSchema = experimentSchema.extend({
  spec: specSchema
    .pick({ run: true, placement: true, inference: true, ensemble: true })
    .extend({ dataset: datasetSchema.pick({ split: true }).loose() })
    .loose(),
});

/** The experiment with the fields that it began with; undefined if the fields that the operator needs are invalid. */
function asItBegan({ apiVersion, kind, metadata, spec }: ExperimentObject): SegmentationExperiment | undefined {
  const { name, namespace, uid, generation, resourceVersion } = metadata;
  const parsed = neededSchema.safeParse({ apiVersion, kind, metadata: { name, namespace, uid, generation, resourceVersion }, spec });
  // The fields outside of this schema were valid for the version that wrote the ConfigMap, and are not read here.
  return parsed.success ? (parsed.data as unknown as SegmentationExperiment) : undefined;
}
