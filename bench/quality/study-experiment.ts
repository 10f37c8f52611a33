import { classListNames } from '@carpal/configs/classes.ts';
import { checkExperiment } from '@carpal/configs/check/check-experiment.ts';
import { API_VERSION, experimentSchema, KIND, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { Study, Training } from './study.ts';
import { trainingKey } from './study-keys.ts';

/**
 * The training as an experiment on the data set of a folder, its content in its uid, so that a checkpoint of another recipe is never gone
 * on with. Throws a RangeError that names the mistakes of a recipe that is not valid.
 */
export function experimentOf(study: Study, training: Training, dataset: string): SegmentationExperiment {
  const { id, spec } = training;
  const manifest = {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: `results-${id}`, uid: trainingKey(study, training) },
    spec: { ...spec, dataset: { uri: dataset, split: { folds: study.folds } } },
  };
  const result = checkExperiment(manifest, classListNames());
  // Every size is written out, so that nothing is left to the machine.
  if (result.ok) return experimentSchema.parse(result.experiment);
  throw new RangeError(`${id} is no experiment: ${result.findings.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ')}`);
}
