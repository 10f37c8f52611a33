import { describe, expect, it } from 'vitest';
import { checkExperiment } from '../check/check-experiment.ts';
import type { ManifestSpec } from '../schema/experiment.ts';
import { immutableChanges } from './immutability.ts';

/** The complete spec of a valid manifest. */
function complete(spec: object): ManifestSpec {
  const manifest = { apiVersion: 'carpal.dev/v1alpha1', kind: 'SegmentationExperiment', metadata: { name: 'a' }, spec };
  const result = checkExperiment(manifest, ['hand-bones']);
  if (!result.ok) throw new Error(JSON.stringify(result.findings));
  return result.experiment.spec;
}

const minimal = { dataset: { uri: 'data' }, model: { name: 'UNet' } };

describe('immutableChanges', () => {
  const before = complete(minimal);

  it('allows changes of everything that does not decide the weights', () => {
    const after = complete({
      ...minimal,
      run: { suspend: true, parallelism: 1, maxFailures: 3, capacityDeadline: '1h', retry: 1, ttlAfterFinished: '1h' },
      placement: { memory: '96Gi', nodeSelector: { gpu: 'v100' }, ensemble: { gpus: 0 } },
      inference: { window: { size: 512, stride: 256 } },
      ensemble: { method: 'hard' },
      report: { slack: { channel: '#a' }, mlflow: { experiment: 'b' } },
    });
    expect(immutableChanges(before, after)).toEqual([]);
  });

  it('treats a written default as no change', () => {
    expect(immutableChanges(before, complete({ ...minimal, run: { folds: [0, 1, 2, 3, 4] }, training: { epochs: 100 } }))).toEqual([]);
  });

  it('reports every other changed field with both values', () => {
    const after = complete({ ...minimal, dataset: { uri: 'other' }, run: { folds: [0], maxFailures: 3 }, training: { epochs: 9 } });
    expect(immutableChanges(before, after).map(({ path, message }) => [path.join('.'), message])).toEqual([
      ['spec.dataset.uri', 'cannot change once the experiment exists: was "data", is "other"'],
      ['spec.training.epochs', 'cannot change once the experiment exists: was 100, is 9'],
      ['spec.run.folds', 'cannot change once the experiment exists: was [0,1,2,3,4], is [0]'],
    ]);
  });

  it('reports an added or removed entry', () => {
    const model = { name: 'SlimUNet' };
    const after = complete({ ...minimal, model: { ...model, options: { width: 32 } } });
    const paths = immutableChanges(complete({ ...minimal, model }), after).map(({ path }) => path);
    expect(paths).toEqual([['spec', 'model', 'options', 'width']]);
  });
});
