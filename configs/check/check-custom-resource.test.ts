import { describe, expect, it } from 'vitest';
import { formatPath } from '../finding.ts';
import { checkCustomResource } from './check-custom-resource.ts';

const object = (spec: object): object => ({
  apiVersion: 'carpal.dev/v1alpha1',
  kind: 'SegmentationExperiment',
  metadata: {
    name: 'wrist',
    namespace: 'lab',
    uid: '2d1f',
    generation: 3,
    labels: { team: 'x'.repeat(63) },
    annotations: Object.fromEntries(Array.from({ length: 99 }, (_, index) => [`note-${index}`, 'text'])),
    managedFields: [{ manager: 'kubectl' }],
    finalizers: ['carpal.dev/artifacts'],
  },
  spec,
  status: { progress: '3%' },
});
const MINIMAL = { dataset: { uri: 's3://bucket/hands' }, model: { name: 'UNet' } };

describe('checkCustomResource', () => {
  it('completes an object as the API server returns it, with any annotations', () => {
    const result = checkCustomResource(object(MINIMAL), ['hand-bones']);
    expect(result).toMatchObject({
      experiment: { metadata: { name: 'wrist', uid: '2d1f', generation: 3 }, spec: { run: { folds: [0, 1, 2, 3, 4] } } },
    });
    expect(result).toMatchObject({ unknown: [] });
  });

  it('rejects a class list that this version does not have', () => {
    const result = checkCustomResource(object({ ...MINIMAL, dataset: { uri: 'data', classes: 'foot-bones' } }), ['hand-bones']);
    expect('findings' in result && result.findings.map(({ path, fix }) => [formatPath(path), fix])).toEqual([
      ['spec.dataset.classes', 'Write one of hand-bones.'],
    ]);
  });

  it('ignores fields of a newer CRD and lists them', () => {
    const newer = { ...MINIMAL, loss: [{ name: 'Dice', smooth: 1 }], sweep: { of: 'rates' } };
    const before = structuredClone(newer);
    const result = checkCustomResource(object(newer), ['hand-bones']);
    expect('unknown' in result && result.unknown.map(formatPath)).toEqual(['spec.loss[0].smooth', 'spec.sweep']);
    expect('experiment' in result && result.experiment.spec.loss).toEqual([{ name: 'Dice', weight: 1, reduction: 'perImageClass' }]);
    expect(newer).toEqual(before);
  });

  it.each([[undefined], [null], ['text'], [[]], [{}], [{ spec: 3 }]])('returns findings for %j', (value) => {
    expect(checkCustomResource(value, [])).toHaveProperty('findings');
  });
});
