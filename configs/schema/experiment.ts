/**
 * The manifest that a user writes, a SegmentationExperiment: its shape and its defaults. The rules between fields are in configs/rules;
 * what an update may change is in configs/rules/immutability.ts.
 */
import { z } from 'zod';
import { dnsLabel, textMap } from './fields.ts';
import {
  augmentationSchema,
  datasetSchema,
  ensembleSchema,
  inferenceSchema,
  inputSchema,
  lossSchema,
  manifestInputSchema,
  manifestTrainingSchema,
  modelSchema,
  optimizerSchema,
  schedulerSchema,
  trainingSchema,
} from './learning.ts';
import { placementSchema, reportSchema, runSchema } from './running.ts';

export const API_VERSION = 'carpal.dev/v1alpha1';
export const KIND = 'SegmentationExperiment';

/** The name is a part of Job names (`<name>-fold-<n>-<attempt>`), which may have at most 63 characters. */
export const NAME_MAX_LENGTH = 40;

export const specSchema = z.object({
  owner: z.string().max(100).default(''),
  task: z.string().max(500).default(''),
  dataset: datasetSchema,
  model: modelSchema,
  input: inputSchema.prefault({}),
  augmentations: z
    .array(augmentationSchema)
    .max(16)
    .prefault([{ name: 'rotate', degrees: 15, probability: 0.5 }]),
  loss: z
    .array(lossSchema)
    .min(1)
    .max(8)
    .prefault([
      { name: 'Dice', weight: 0.9 },
      { name: 'BCE', weight: 0.1 },
    ]),
  optimizer: optimizerSchema.prefault({}),
  scheduler: schedulerSchema.prefault({}),
  training: trainingSchema.prefault({}),
  inference: inferenceSchema.prefault({}),
  ensemble: ensembleSchema.prefault({}),
  run: runSchema.prefault({}),
  placement: placementSchema.prefault({}),
  report: reportSchema.prefault({}),
});

const metadataSchema = z.object({
  name: dnsLabel(NAME_MAX_LENGTH),
  namespace: dnsLabel().default('default'),
  // The value of a label of everything that belongs to the experiment.
  uid: z
    .string()
    .max(63)
    .regex(/^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$/, { error: 'letters, digits and "-"' })
    .optional(),
  generation: z.int().min(0).max(1e15).optional(),
  creationTimestamp: z.string().max(40).optional(),
  resourceVersion: z.string().max(64).optional(),
  labels: textMap(64, 63).optional(),
  annotations: textMap(64, 262_144).optional(),
});

export const experimentSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  metadata: metadataSchema,
  spec: specSchema,
});

/** What a user writes: the spec may have `auto` for sizes that trial steps measure on the machine (see auto.ts). */
export const manifestSpecSchema = specSchema.extend({
  input: manifestInputSchema.prefault({}),
  training: manifestTrainingSchema.prefault({}),
});

export const manifestSchema = experimentSchema.extend({ spec: manifestSpecSchema });

/** A checked manifest with every default filled in; sizes may still be auto. */
export type CheckedManifest = z.output<typeof manifestSchema>;
export type ManifestSpec = CheckedManifest['spec'];

/** A checked experiment with every default filled in and every size known: the input of stages, trainer and planner. */
export type SegmentationExperiment = z.output<typeof experimentSchema>;
export type ExperimentMetadata = SegmentationExperiment['metadata'];
export type ExperimentSpec = SegmentationExperiment['spec'];
export type DatasetSpec = ExperimentSpec['dataset'];
export type SplitSpec = DatasetSpec['split'];
export type ModelSpec = ExperimentSpec['model'];
export type ModelName = ModelSpec['name'];
export type ModelOptions = ModelSpec['options'];
export type InputSpec = ExperimentSpec['input'];
export type CropSpec = NonNullable<InputSpec['crop']>;
export type AugmentationSpec = ExperimentSpec['augmentations'][number];
export type AugmentationName = AugmentationSpec['name'];
export type LossSpec = ExperimentSpec['loss'][number];
export type LossName = LossSpec['name'];
export type OptimizerSpec = ExperimentSpec['optimizer'];
export type OptimizerName = OptimizerSpec['name'];
export type OptimizerOptions = OptimizerSpec['options'];
export type SchedulerSpec = ExperimentSpec['scheduler'];
export type SchedulerName = SchedulerSpec['name'];
export type SchedulerOptions = SchedulerSpec['options'];
export type TrainingSpec = ExperimentSpec['training'];
export type InferenceSpec = ExperimentSpec['inference'];
export type TtaName = InferenceSpec['tta'][number];
export type EnsembleSpec = ExperimentSpec['ensemble'];
export type RunSpec = ExperimentSpec['run'];
export type PlacementSpec = ExperimentSpec['placement'];
export type ReportSpec = ExperimentSpec['report'];
/** What a user may write: fields with a default may be omitted. */
export type ExperimentManifest = z.input<typeof experimentSchema>;
