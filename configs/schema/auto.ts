/** Sizes that a manifest leaves open with `auto`: trial steps measure them on the machine before the experiment starts. */
import type { Finding } from '../finding.ts';
import type { CheckedManifest, ManifestSpec, SegmentationExperiment } from './experiment.ts';
import { AUTO } from './fields.ts';

/** The sizes that trial steps found. */
export type MeasuredSizes = { readonly inputSize?: number; readonly batchSize?: number };

/** The fields that are still `auto`, as paths below spec. */
export function autoFields({ input, training }: ManifestSpec): readonly (readonly string[])[] {
  return [...(input.size === AUTO ? [['input', 'size']] : []), ...(training.batchSize === AUTO ? [['training', 'batchSize']] : [])];
}

/** The experiment with these sizes in place of `auto`; undefined if one of them is not known. */
export function withSizes(manifest: CheckedManifest, sizes: MeasuredSizes): SegmentationExperiment | undefined {
  const { spec } = manifest;
  const size = spec.input.size === AUTO ? sizes.inputSize : spec.input.size;
  const batchSize = spec.training.batchSize === AUTO ? sizes.batchSize : spec.training.batchSize;
  if (size === undefined || batchSize === undefined) return undefined;
  return { ...manifest, spec: { ...spec, input: { ...spec.input, size }, training: { ...spec.training, batchSize } } };
}

/** One finding for every `auto`, for commands that cannot measure sizes. Paths start at the top of the manifest. */
export function unmeasured(spec: ManifestSpec): readonly Finding[] {
  return autoFields(spec).map((path) => ({
    path: ['spec', ...path],
    message: 'is auto, which only carpal run can measure',
    fix: 'Write a number. carpal run --dry-run FILE prints one that fits, if it runs on the machine that will train.',
  }));
}
