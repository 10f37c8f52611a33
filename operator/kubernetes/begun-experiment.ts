/**
 * An experiment that began under rules which a newer version of the operator has made stricter. Its stages run what they began with, from the
 * ConfigMap that was made then; of its manifest the operator itself needs only where and how often they run.
 */
import { experimentSchema, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { placementSchema, runSchema } from '@carpal/configs/schema/running.ts';
import { z } from 'zod';
import type { ExperimentStatus } from '../experiment/experiment-status.ts';
import { entriesOf } from '../experiment/stages.ts';
import type { ExperimentObject } from './experiment-object.ts';

/** Only what plans and Jobs are made of is looked at; the rest is taken as it is. */
const neededSchema = experimentSchema.extend({
  spec: z.looseObject({
    dataset: z.looseObject({ split: z.looseObject({ folds: z.int().min(1).max(64) }) }),
    run: runSchema,
    placement: placementSchema,
  }),
});

/** Whether any attempt of the experiment has begun, or is about to. */
export function hasBegun(status: ExperimentStatus | undefined): boolean {
  return status !== undefined && entriesOf(status).some(([, { attempts }]) => attempts > 0);
}

/** The experiment as it began; undefined where the operator cannot tell from it what to run. */
export function begunExperiment({ apiVersion, kind, metadata, spec }: ExperimentObject): SegmentationExperiment | undefined {
  const { name, namespace, uid, generation, resourceVersion } = metadata;
  const parsed = neededSchema.safeParse({ apiVersion, kind, metadata: { name, namespace, uid, generation, resourceVersion }, spec });
  // What lies outside of this schema was right for the version that wrote the ConfigMap, and is not read here.
  return parsed.success ? (parsed.data as unknown as SegmentationExperiment) : undefined;
}
