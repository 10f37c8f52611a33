/**
 * An experiment that began under rules which a newer version of the operator has made stricter. Its stages run what they began with, from the
 * ConfigMap that was made then; of its manifest the operator itself needs only where and how often they run.
 */
import { experimentSchema, type SegmentationExperiment, specSchema } from '@carpal/configs/schema/experiment.ts';
import { datasetSchema } from '@carpal/configs/schema/learning.ts';
import type { ExperimentStatus } from '../experiment/experiment-status.ts';
import { entriesOf } from '../experiment/stages.ts';
import type { ExperimentObject } from './experiment-object.ts';

/** Only what plans and Jobs are made of is looked at; the rest is taken as it is. */
const neededSchema = experimentSchema.extend({
  spec: specSchema
    .pick({ run: true, placement: true })
    .extend({ dataset: datasetSchema.pick({ split: true }).loose() })
    .loose(),
});

/** Whether any attempt of the experiment has begun, or is about to. */
export function hasBegun(status: ExperimentStatus | undefined): boolean {
  return status !== undefined && entriesOf(status).some(([, { attempts }]) => attempts > 0);
}

/** The experiment as it began; undefined where it has not, or where the operator cannot tell from it what to run. */
export function begunExperiment(
  { apiVersion, kind, metadata, spec }: ExperimentObject,
  status: ExperimentStatus | undefined,
): SegmentationExperiment | undefined {
  if (!hasBegun(status)) return undefined;
  const { name, namespace, uid, generation, resourceVersion } = metadata;
  const parsed = neededSchema.safeParse({ apiVersion, kind, metadata: { name, namespace, uid, generation, resourceVersion }, spec });
  // What lies outside of this schema was right for the version that wrote the ConfigMap, and is not read here.
  return parsed.success ? (parsed.data as unknown as SegmentationExperiment) : undefined;
}
