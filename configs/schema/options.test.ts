import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { checkExperiment } from '../check/check-experiment.ts';
import { type ManifestSpec, specSchema } from './experiment.ts';
import {
  AUGMENTATION_OPTIONS,
  completeSpec,
  LOSS_OPTIONS,
  MODEL_OPTIONS,
  OPTIMIZER_OPTIONS,
  SCHEDULER_OPTIONS,
  trainingScale,
} from './options.ts';

/** The complete spec of a valid manifest. */
function complete(spec: object): ManifestSpec {
  const manifest = { apiVersion: 'carpal.dev/v1alpha1', kind: 'SegmentationExperiment', metadata: { name: 'a' }, spec };
  const result = checkExperiment(manifest, ['hand-bones']);
  if (!result.ok) throw new Error(JSON.stringify(result.findings));
  return result.experiment.spec;
}

const minimal = { dataset: { uri: 'data' }, model: { name: 'UNet' } };

describe('completeSpec', () => {
  it('turns a data set and a network into a complete spec', () => {
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
      inference: { threshold: 0.5, tta: ['identity', 'flipHorizontal'], ttaDegrees: 10, ttaScale: 0.05 },
      ensemble: { method: 'soft', perClassThresholds: true, perClassCleaning: true },
      run: {
        folds: [0, 1, 2, 3, 4],
        parallelism: 5,
        suspend: false,
        maxFailures: 2,
        maxDisruptions: 20,
        startDeadline: '2h',
        foldDeadline: '24h',
        stageDeadline: '6h',
        stallTimeout: '30m',
        retry: 0,
        onFoldFailure: 'continue',
        deletionRemovesArtifacts: false,
        ttlAfterFinished: '14d',
        ttlRemovesArtifacts: false,
      },
      placement: {
        ephemeralStorage: '10Gi',
        workloadPriorityClass: '',
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

  it('fills in the options of the named entries, and keeps written values', () => {
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

  it('sets the input size to the size of a crop, which is not the training scale', () => {
    const { input } = complete({ ...minimal, input: { crop: { size: 96, imageSize: 200 } } });
    expect(input).toEqual({ size: 96, crop: { size: 96, imageSize: 200, sampling: 'foreground' }, normalize: 'unit', targets: 'area' });
    expect([trainingScale(input), trainingScale(complete(minimal).input)]).toEqual([200, 512]);
  });

  it('is idempotent, and its result is a valid manifest', () => {
    const spec = complete({ ...minimal, scheduler: { name: 'MultiStepLR', options: { milestones: [60] } }, run: { folds: [2] } });
    expect(completeSpec(spec)).toEqual(spec);
    expect(complete(spec)).toEqual(spec);
    const crops = complete({ ...minimal, input: { crop: { size: 512, imageSize: 1024, sampling: 'wrist' } } });
    expect(complete(crops)).toEqual(crops);
  });

  it('keeps fractions exactly through YAML and JSON', () => {
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

describe('the option tables', () => {
  const { model, augmentations, loss, optimizer, scheduler } = specSchema.shape;
  it.each([
    ['networks', MODEL_OPTIONS, model.shape.options.unwrap().shape],
    ['augmentations', AUGMENTATION_OPTIONS, augmentations.unwrap().element.omit({ name: true, probability: true }).shape],
    ['losses', LOSS_OPTIONS, loss.unwrap().element.omit({ name: true, weight: true }).shape],
    ['optimizers', OPTIMIZER_OPTIONS, optimizer.unwrap().shape.options.unwrap().shape],
    ['schedulers', SCHEDULER_OPTIONS, scheduler.unwrap().shape.options.unwrap().shape],
  ])('have an owner for each option of %s', (_, table, shape) => {
    const owned = new Set(Object.values(table).flatMap((options) => Object.keys(options)));
    expect([...owned].toSorted()).toEqual(Object.keys(shape).toSorted());
  });
});
