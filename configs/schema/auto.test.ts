import { describe, expect, it } from 'vitest';
import { checkExperiment } from '../check/check-experiment.ts';
import { formatPath } from '../finding.ts';
import { immutableChanges } from '../rules/immutability.ts';
import { autoFields, unmeasured, withSizes } from './auto.ts';
import type { CheckedManifest } from './experiment.ts';

const manifest = (spec: object): object => ({
  apiVersion: 'carpal.dev/v1alpha1',
  kind: 'SegmentationExperiment',
  metadata: { name: 'a' },
  spec: { dataset: { uri: 'data' }, model: { name: 'UNet' }, ...spec },
});

function checked(spec: object): CheckedManifest {
  const result = checkExperiment(manifest(spec), ['hand-bones']);
  if (!result.ok) throw new Error(JSON.stringify(result.findings));
  return result.experiment;
}

function mistakes(spec: object): string[] {
  const result = checkExperiment(manifest(spec), ['hand-bones']);
  return result.ok ? [] : result.findings.map(({ path, message, fix }) => `${formatPath(path)}: ${message}. ${fix}`);
}

const BOTH = { input: { size: 'auto' }, training: { batchSize: 'auto' } };

describe('a size that is auto', () => {
  it('is valid like a number, and rules for numbers ignore it', () => {
    expect(checked(BOTH).spec).toMatchObject(BOTH);
    expect(autoFields(checked(BOTH).spec)).toEqual([
      ['input', 'size'],
      ['training', 'batchSize'],
    ]);
    expect(autoFields(checked({}).spec)).toEqual([]);
  });

  it.each([
    ['large', 'must be a whole number or auto, is "large". Write a whole number or auto.'],
    ['4', 'must be a whole number or auto, is "4". Remove the quotes: 4.'],
    [1.5, 'must be a whole number or auto, is 1.5. Write a whole number or auto.'],
    [null, 'must be a whole number or auto, is empty. Write a whole number or auto, or remove the field to use its default.'],
    [0, 'must be at least 1, is 0. Write a number that is at least 1.'],
    [257, 'must be at most 256, is 257. Write a number that is at most 256.'],
  ])('has no other form: %j is rejected', (batchSize, said) => {
    expect(mistakes({ training: { batchSize } })).toEqual([`spec.training.batchSize: ${said}`]);
  });

  it('is replaced by the measured size, each field separately', () => {
    expect(withSizes(checked(BOTH), { inputSize: 256 })).toBeUndefined();
    expect(withSizes(checked(BOTH), { inputSize: 256, batchSize: 8 })?.spec).toMatchObject({
      input: { size: 256 },
      training: { batchSize: 8 },
    });
    const half = checked({ training: { batchSize: 'auto' } });
    expect(withSizes(half, { inputSize: 256, batchSize: 8 })?.spec.input.size).toBe(512);
    expect(withSizes(checked({}), {})).toEqual(checked({}));
  });

  it('is a mistake if sizes cannot be measured', () => {
    expect(unmeasured(checked(BOTH).spec).map(({ path }) => formatPath(path))).toEqual(['spec.input.size', 'spec.training.batchSize']);
    expect(unmeasured(checked({}).spec)).toEqual([]);
  });

  it('cannot replace a number once the experiment exists', () => {
    expect(immutableChanges(checked({}).spec, checked(BOTH).spec).map(({ message }) => message)).toEqual([
      'cannot change once the experiment exists: was 512, is "auto"',
      'cannot change once the experiment exists: was 2, is "auto"',
    ]);
  });
});
