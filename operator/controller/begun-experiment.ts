/**
 * An experiment that began under rules which a newer version of the operator has made stricter. Its stages run what they began with, from the
 * ConfigMap that was made then; of its manifest the operator itself needs only where and how often they run.
 */
import type { Judgement } from '@carpal/configs/crd/judge-manifest.ts';
import type { Finding } from '@carpal/configs/finding.ts';
import { experimentSchema, type SegmentationExperiment, specSchema } from '@carpal/configs/schema/experiment.ts';
import { datasetSchema } from '@carpal/configs/schema/learning.ts';
import type { ExperimentObject } from './experiment-object.ts';

/** An experiment that can be run, or all that is wrong with one that cannot. */
export type Runnable = { readonly experiment: SegmentationExperiment } | { readonly findings: readonly Finding[] };

/** Only what plans and Jobs are made of is looked at; the rest is taken as it is. */
const neededSchema = experimentSchema.extend({
  spec: specSchema
    .pick({ run: true, placement: true })
    .extend({ dataset: datasetSchema.pick({ split: true }).loose() })
    .loose(),
});

/** The experiment as it began; undefined where the operator cannot tell from it what to run. */
function asItBegan({ apiVersion, kind, metadata, spec }: ExperimentObject): SegmentationExperiment | undefined {
  const { name, namespace, uid, generation, resourceVersion } = metadata;
  const parsed = neededSchema.safeParse({ apiVersion, kind, metadata: { name, namespace, uid, generation, resourceVersion }, spec });
  // What lies outside of this schema was right for the version that wrote the ConfigMap, and is not read here.
  return parsed.success ? (parsed.data as unknown as SegmentationExperiment) : undefined;
}

/** What can be run of an object that was judged so: one that has begun goes on as it began, whatever rules it breaks by now. */
export function runnable(judged: Judgement, object: ExperimentObject, begun: boolean): Runnable {
  if (!('findings' in judged) || !begun) return judged;
  const experiment = asItBegan(object);
  return experiment === undefined ? judged : { experiment };
}
