import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { checkExperiment } from '../check/check-experiment.ts';
import { immutableChanges } from '../rules/immutability.ts';
import type { ManifestSpec } from './experiment.ts';
import { completeSpec } from './options.ts';

/** The complete spec of a manifest that is right. */
function complete(spec: object): ManifestSpec {
  const manifest = { apiVersion: 'carpal.dev/v1alpha1', kind: 'SegmentationExperiment', metadata: { name: 'a' }, spec };
  const result = checkExperiment(manifest, ['hand-bones']);
  if (!result.ok) throw new Error(JSON.stringify(result.findings));
  return result.experiment.spec;
}

const minimal = { dataset: { uri: 'data' }, model: { name: 'UNet' } };

describe('completeSpec', () => {
  it('makes a data set and a network into a whole spec', () => {
    expect(complete(minimal)).toEqual({
      owner: '',
      task: '',
      dataset: { uri: 'data', classes: 'hand-bones', split: { folds: 5, strategy: 'group', seed: 21 } },
      model: { name: 'UNet', options: {} },
      input: { size: 512, normalize: 'unit', targets: 'area' },
      augmentations: [{ name: 'rotate', degrees: 15, probability: 0.5 }],
      loss: [
        { name: 'Dice', weight: 0.9, reduction: 'perImageClass' },
        { name: 'BCE', weight: 0.1 },
      ],
      optimizer: { name: 'AdamW', learningRate: 1e-3, weightDecay: 1e-4, options: { beta1: 0.9, beta2: 0.999 } },
      scheduler: {
        name: 'ReduceLROnPlateau',
        options: { factor: 0.5, patience: 5, threshold: 0.01, cooldown: 2, minLearningRate: 1e-6, warmupEpochs: 0 },
      },
      training: {
        epochs: 100,
        batchSize: 2,
        accumulate: 1,
        validateEvery: 1,
        earlyStopping: { patience: 10, minDelta: 0 },
        gradientClip: 0,
        seed: 21,
        precision: 'float32',
        deepSupervision: false,
        ema: { decay: 0 },
      },
      inference: { threshold: 0.5, tta: ['identity', 'flipHorizontal'], ttaDegrees: 10, ttaScale: 0.25 },
      ensemble: { method: 'soft', perClassThresholds: true, perClassCleaning: true },
      run: {
        folds: [0, 1, 2, 3, 4],
        parallelism: 5,
        suspend: false,
        maxFailures: 2,
        maxDisruptions: 20,
        startDeadline: '2h',
        foldDeadline: '24h',
        ttlAfterFinished: '14d',
        ttlRemovesArtifacts: false,
      },
      placement: {
        gpus: 1,
        cpu: '7',
        memory: '48Gi',
        nodeSelector: {},
        tolerations: [],
        priorityClassName: '',
        queueName: '',
        serviceAccountName: '',
      },
      report: {},
    });
  });

  it('fills in what belongs to the names given, and keeps what is written', () => {
    const spec = complete({
      ...minimal,
      model: { name: 'SlimUNet', options: { width: 8 } },
      augmentations: [{ name: 'gamma', low: 0.5 }],
      loss: [{ name: 'FocalTversky', beta: 0.6 }, { name: 'Lovasz' }],
      optimizer: { name: 'SGD', options: { nesterov: false } },
      scheduler: { name: 'CosineAnnealingLR', options: { warmupEpochs: 3 } },
    });
    expect(spec.model.options).toEqual({ width: 8, depth: 5 });
    expect(spec.augmentations).toEqual([{ name: 'gamma', probability: 0.5, low: 0.5, high: 1.25 }]);
    expect(spec.loss).toEqual([
      { name: 'FocalTversky', weight: 1, alpha: 0.3, beta: 0.6, gamma: 1.5, reduction: 'perImageClass' },
      { name: 'Lovasz', weight: 1 },
    ]);
    expect(spec.optimizer.options).toEqual({ momentum: 0.9, nesterov: false });
    expect(spec.scheduler.options).toEqual({ warmupEpochs: 3, tMax: 97, minLearningRate: 0 });
    const polynomial = complete({ ...minimal, training: { epochs: 20 }, scheduler: { name: 'PolynomialLR' } });
    expect(polynomial.scheduler.options).toEqual({ warmupEpochs: 0, tMax: 20, power: 0.9 });
  });

  it('changes nothing when done twice, and the result is itself a right manifest', () => {
    const spec = complete({ ...minimal, scheduler: { name: 'MultiStepLR', options: { milestones: [60] } }, run: { folds: [2] } });
    expect(completeSpec(spec)).toEqual(spec);
    expect(complete(spec)).toEqual(spec);
  });

  it('keeps every fraction exactly, through YAML and JSON and back', () => {
    const fraction = fc.double({ min: Number.MIN_VALUE, max: 1, noNaN: true });
    fc.assert(
      fc.property(fraction, fraction, fc.double({ min: 0, max: 1, noNaN: true }), (learningRate, weight, probability) => {
        const spec = complete({
          ...minimal,
          optimizer: { learningRate },
          loss: [{ name: 'Dice', weight }],
          augmentations: [{ name: 'rotate', probability }],
          scheduler: { options: { minLearningRate: 0 } },
        });
        expect([spec.optimizer.learningRate, spec.loss[0]?.weight, spec.augmentations[0]?.probability]).toEqual([
          learningRate,
          weight,
          probability,
        ]);
        expect(complete(parse(stringify(spec)))).toEqual(spec);
        expect(complete(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
      }),
    );
  });
});

describe('immutableChanges', () => {
  const before = complete(minimal);

  it('lets suspend, parallelism, the time to live and the reports change', () => {
    const after = complete({
      ...minimal,
      run: { suspend: true, parallelism: 1, ttlAfterFinished: '1h', ttlRemovesArtifacts: true },
      report: { slack: { channel: '#a' }, mlflow: { experiment: 'b' } },
    });
    expect(immutableChanges(before, after)).toEqual([]);
  });

  it('sees no difference in a default that is written out', () => {
    expect(immutableChanges(before, complete({ ...minimal, run: { folds: [0, 1, 2, 3, 4] }, training: { epochs: 100 } }))).toEqual([]);
  });

  it('names every other field that changed, with both values', () => {
    const after = complete({ ...minimal, dataset: { uri: 'other' }, run: { folds: [0], maxFailures: 3 }, training: { epochs: 9 } });
    expect(immutableChanges(before, after).map(({ path, message }) => [path.join('.'), message])).toEqual([
      ['spec.dataset.uri', 'cannot change once the experiment exists: was "data", is "other"'],
      ['spec.training.epochs', 'cannot change once the experiment exists: was 100, is 9'],
      ['spec.run.folds', 'cannot change once the experiment exists: was [0,1,2,3,4], is [0]'],
      ['spec.run.maxFailures', 'cannot change once the experiment exists: was 2, is 3'],
    ]);
  });

  it('names an entry that came or went', () => {
    const after = complete({ ...minimal, placement: { nodeSelector: { gpu: 'v100' } } });
    expect(immutableChanges(before, after).map(({ path }) => path)).toEqual([['spec', 'placement', 'nodeSelector', 'gpu']]);
  });
});
