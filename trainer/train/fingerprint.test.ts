import { type ExperimentSpec, specSchema } from '@carpal/configs/schema/experiment.ts';
import { describe, expect, it } from 'vitest';
import { trainingFingerprint } from './fingerprint.ts';

const specOf = (more: object): ExperimentSpec => specSchema.parse({ dataset: { uri: 'data' }, model: { name: 'SlimUNet' }, ...more });
const base = trainingFingerprint(specOf({}), 0);

describe('the fingerprint of a training', () => {
  it.each([
    ['the place of the data set', { dataset: { uri: 'elsewhere' } }],
    ['owner and task', { owner: 'kim', task: 'another word' }],
    ['parallelism', { run: { parallelism: 1 } }],
    ['placement', { placement: { gpus: 4 } }],
    ['test-time augmentation', { inference: { tta: ['identity'] } }],
  ])('does not depend on %s', (_, more) => {
    expect(trainingFingerprint(specOf(more), 0)).toBe(base);
  });

  it.each([
    ['seed', { training: { seed: 3 } }],
    ['network', { model: { name: 'UNet' } }],
    ['split', { dataset: { uri: 'data', split: { folds: 3 } } }],
    ['augmentation', { augmentations: [] }],
    ['learning rate', { optimizer: { learningRate: 2e-3 } }],
    ['threshold, by which the best epoch is chosen', { inference: { threshold: 0.4 } }],
  ])('depends on the %s', (_, more) => {
    expect(trainingFingerprint(specOf(more), 0)).not.toBe(base);
  });

  it('depends on the fold', () => {
    expect(trainingFingerprint(specOf({}), 1)).not.toBe(base);
  });
});
