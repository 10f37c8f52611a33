/** Sizes that a manifest may leave to the machine by writing `auto`: trial steps find them before the experiment begins. */
import { z } from 'zod';
import type { Finding } from '../finding.ts';
import type { CheckedManifest, ManifestSpec, SegmentationExperiment } from './experiment.ts';

export const AUTO = 'auto';

/** A whole number, or `auto`. In a structural schema it is an x-kubernetes-int-or-string (configs/crd/structural-schema.ts). */
export function orAuto(wholeNumber: z.ZodInt) {
  return z.union([wholeNumber, z.enum([AUTO])]);
}

/** What trial steps have found. */
export type MeasuredSizes = { readonly inputSize?: number; readonly batchSize?: number };

/** The fields that still say `auto`, as paths below spec. */
export function autoFields({ input, training }: ManifestSpec): readonly (readonly string[])[] {
  return [...(input.size === AUTO ? [['input', 'size']] : []), ...(training.batchSize === AUTO ? [['training', 'batchSize']] : [])];
}

/** The experiment with these sizes where it says `auto`; undefined while one of them is not known. */
export function withSizes(manifest: CheckedManifest, sizes: MeasuredSizes): SegmentationExperiment | undefined {
  const { spec } = manifest;
  const size = spec.input.size === AUTO ? sizes.inputSize : spec.input.size;
  const batchSize = spec.training.batchSize === AUTO ? sizes.batchSize : spec.training.batchSize;
  if (size === undefined || batchSize === undefined) return undefined;
  return { ...manifest, spec: { ...spec, input: { ...spec.input, size }, training: { ...spec.training, batchSize } } };
}

/** One finding for every `auto`, for a place that has no machine to measure on. Paths begin at the top of the manifest. */
export function unmeasured(spec: ManifestSpec): readonly Finding[] {
  return autoFields(spec).map((path) => ({
    path: ['spec', ...path],
    message: 'is auto, which carpal run measures on the machine that it runs on',
    fix: 'Write a number; carpal run --dry-run FILE, on a machine such as will train it, prints the one that fits.',
  }));
}
