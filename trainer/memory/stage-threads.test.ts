import { experimentSchema } from '@carpal/configs/schema/experiment.ts';
import { expect, it } from 'vitest';
import { stageThreads } from './stage-threads.ts';

const specWith = (placement: object) =>
  experimentSchema.parse({
    apiVersion: 'carpal.dev/v1alpha1',
    kind: 'SegmentationExperiment',
    metadata: { name: 'wrist' },
    spec: { dataset: { uri: 'data' }, model: { name: 'UNet' }, placement },
  }).spec;

it.each([
  ['7 by default', {}, 7, 7],
  ['the whole cores of the placement', { cpu: '3500m' }, 3, 3],
  ['one for less than a core', { cpu: '500m' }, 1, 1],
  ['those of its own placement for the ensemble', { cpu: '8', ensemble: { cpu: '2' } }, 8, 2],
])('the threads of a stage are %s', (_, placement, fold, ensemble) => {
  const spec = specWith(placement);
  expect([stageThreads(spec, 'fold'), stageThreads(spec, 'ensemble')]).toEqual([fold, ensemble]);
});
