import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { Model } from '../models/model.ts';

/** What a weights file says of itself, so that it can be used without its experiment: network, options, classes in order, input size. */
export function weightsMetadata(experiment: SegmentationExperiment, model: Model, classNames: readonly string[]): Record<string, string> {
  const { metadata, spec } = experiment;
  return {
    model: model.name,
    options: JSON.stringify(model.options),
    classes: JSON.stringify(classNames),
    inputSize: String(spec.input.size),
    experiment: `${metadata.namespace}/${metadata.name}`,
  };
}
