import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkExperiment } from '../check/check-experiment.ts';
import { formatPath } from '../finding.ts';
import { specSchema } from '../schema/experiment.ts';

const LISTS = ['hand-bones'];

/** A minimal manifest with the fields of `spec`. */
function manifest(spec: object): object {
  return {
    apiVersion: 'carpal.dev/v1alpha1',
    kind: 'SegmentationExperiment',
    metadata: { name: 'a' },
    spec: { dataset: { uri: 'data' }, model: { name: 'UNet' }, ...spec },
  };
}

/** The mistakes of that manifest, as `path: message`. */
function mistakes(spec: object): string[] {
  const result = checkExperiment(manifest(spec), LISTS);
  return result.ok ? [] : result.findings.map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

const uri = 'data';

const REFUSED: [string, object, string[]][] = [
  [
    'an option of another network',
    { model: { name: 'UNet', options: { width: 8 } } },
    ['spec.model.options.width: is not an option of network UNet'],
  ],
  [
    'a variant of another network',
    { model: { name: 'HRNet', options: { variant: 'B2' } } },
    ['spec.model.options.variant: network HRNet has no variant B2'],
  ],
  [
    'a size as the variant of CustomUNet',
    { model: { name: 'CustomUNet', options: { variant: 'B2' } } },
    ['spec.model.options.variant: network CustomUNet has no variant B2'],
  ],
  ['a size that is not a multiple of 16', { input: { size: 120 } }, ['spec.input.size: must be a multiple of 16 for network UNet, is 120']],
  [
    'a size that is not a multiple of 64 for a deep SlimUNet',
    { model: { name: 'SlimUNet', options: { depth: 7 } }, input: { size: 96 } },
    ['spec.input.size: must be a multiple of 64 for network SlimUNet of depth 7, is 96'],
  ],
  [
    'crops that the network cannot halve, with a size of their own, from a smaller image',
    { input: { size: 384, crop: { size: 500, imageSize: 496 } } },
    [
      'spec.input.crop.size: must be a multiple of 16 for network UNet, is 500',
      'spec.input.crop.size: a crop of 500 px is larger than the image of 496 px that it is cut from',
      'spec.input.size: is 384, but with crops the input of the network is crop.size (500)',
    ],
  ],
  [
    'a measured size and wristCrop with crops',
    { input: { size: 'auto', crop: { size: 512, imageSize: 1024 } }, augmentations: [{ name: 'rotate' }, { name: 'wristCrop' }] },
    [
      'spec.input.size: is auto, but with crops the input of the network is crop.size (512)',
      'spec.augmentations[1]: wristCrop magnifies the wrist, but crops keep the scale that bones have in prediction',
    ],
  ],
  [
    'crops without the size of the image, cut at unknown places',
    { input: { crop: { size: 512, sampling: 'hand' } } },
    ['spec.input.crop.imageSize: is missing', 'spec.input.crop.sampling: "hand" is not a valid value'],
  ],
  [
    'an option of another augmentation',
    { augmentations: [{ name: 'flipHorizontal' }, { name: 'rotate', sigma: 0.1 }] },
    ['spec.augmentations[1].sigma: is not an option of augmentation rotate'],
  ],
  [
    'a gamma range with low above high',
    { augmentations: [{ name: 'gamma', low: 2 }] },
    ['spec.augmentations[0].low: low must be at most high (defaults of gamma: low 0.8, high 1.25)'],
  ],
  [
    'ranges with low above high, one of them a default',
    {
      augmentations: [
        { name: 'gaussianBlur', high: 0.2 },
        { name: 'wristCrop', low: 4, high: 3 },
      ],
    },
    [
      'spec.augmentations[0].high: low must be at most high (defaults of gaussianBlur: low 0.3, high 1)',
      'spec.augmentations[1].low: low must be at most high (defaults of wristCrop: low 1.5, high 3)',
    ],
  ],
  [
    'options below the lower limit of their augmentation',
    {
      augmentations: [
        { name: 'elastic', sigma: 0.001 },
        { name: 'wristCrop', low: 0.5 },
      ],
    },
    [
      'spec.augmentations[0].sigma: must be at least 0.01 for augmentation elastic: a smaller sigma makes noise, not a smooth deformation',
      'spec.augmentations[1].low: must be at least 1 for augmentation wristCrop: a smaller window would cut off carpal bones',
    ],
  ],
  ['a repeated loss', { loss: [{ name: 'Dice' }, { name: 'Dice' }] }, ['spec.loss[1]: lists loss Dice twice']],
  ['an empty list of losses', { loss: [] }, ['spec.loss: must have at least 1 entry, has 0']],
  ['a loss with weight 0', { loss: [{ name: 'Dice', weight: 0 }] }, ['spec.loss[0].weight: must be more than 0, is 0']],
  [
    'an option of another scheduler',
    { scheduler: { name: 'CosineAnnealingLR', options: { factor: 0.5 } } },
    ['spec.scheduler.options.factor: is not an option of scheduler CosineAnnealingLR'],
  ],
  [
    'options of another loss and of another optimizer',
    {
      loss: [
        { name: 'BCE', gamma: 2 },
        { name: 'Focal', beta: 0.5 },
      ],
      optimizer: { name: 'Lion', options: { momentum: 0.9 } },
    },
    [
      'spec.loss[0].gamma: is not an option of loss BCE',
      'spec.loss[1].beta: is not an option of loss Focal',
      'spec.optimizer.options.momentum: is not an option of optimizer Lion',
    ],
  ],
  [
    'values that would stop a loss or an optimizer',
    { loss: [{ name: 'FocalTversky', alpha: 0, gamma: 0 }], optimizer: { name: 'SGD', options: { momentum: 1 } } },
    [
      'spec.loss[0].alpha: must be more than 0, is 0',
      'spec.loss[0].gamma: must be more than 0, is 0',
      'spec.optimizer.options.momentum: must be less than 1, is 1',
    ],
  ],
  [
    'milestones after the last epoch because of the warm-up',
    { training: { epochs: 10 }, scheduler: { name: 'MultiStepLR', options: { milestones: [5, 8], warmupEpochs: 2 } } },
    ['spec.scheduler.options.milestones[1]: no epoch follows milestone 8: training.epochs is 10, 2 of them warm-up'],
  ],
  [
    'restarts without cycleEpochs',
    { scheduler: { name: 'CosineAnnealingWarmRestarts' } },
    ['spec.scheduler.options.cycleEpochs: is required by scheduler CosineAnnealingWarmRestarts'],
  ],
  [
    'a cycle that is longer than the training and only warm-up',
    { scheduler: { name: 'CustomCosineAnnealingWarmUpRestarts', options: { cycleEpochs: 101, cycleWarmupEpochs: 101 } } },
    [
      'spec.scheduler.options.cycleEpochs: a first cycle of 101 epochs never ends: training.epochs is 100',
      'spec.scheduler.options.cycleWarmupEpochs: a cycle of 101 epochs would be all warm-up (101 epochs)',
    ],
  ],
  [
    'head weights without deep supervision',
    { model: { name: 'NestedUNet' }, training: { headWeights: [1, 1, 1, 1] } },
    ['spec.training.headWeights: is only used with training.deepSupervision'],
  ],
  [
    'a wrong number of head weights',
    { model: { name: 'UNet3Plus' }, training: { deepSupervision: true, headWeights: [1, 0.5] } },
    ['spec.training.headWeights: has 2 weights, but network UNet3Plus has 5 heads'],
  ],
  [
    'a head weight of 0 and an EMA decay of 1',
    { model: { name: 'NestedUNet' }, training: { deepSupervision: true, headWeights: [1, 0, 1, 1], ema: { decay: 1 } } },
    ['spec.training.headWeights[1]: must be more than 0, is 0', 'spec.training.ema.decay: must be less than 1, is 1'],
  ],
  ['a negative EMA decay', { training: { ema: { decay: -0.1 } } }, ['spec.training.ema.decay: must be at least 0, is -0.1']],
  [
    'MultiStepLR without milestones',
    { scheduler: { name: 'MultiStepLR' } },
    ['spec.scheduler.options.milestones: is required by scheduler MultiStepLR'],
  ],
  [
    'a first cycle that ends after the training because of the warm-up',
    { training: { epochs: 10 }, scheduler: { name: 'CosineAnnealingWarmRestarts', options: { cycleEpochs: 9, warmupEpochs: 2 } } },
    ['spec.scheduler.options.cycleEpochs: a first cycle of 9 epochs never ends: training.epochs is 10, 2 of them warm-up'],
  ],
  [
    'a negative loss weight and a learning rate of 0',
    { loss: [{ name: 'Lovasz', weight: -1 }], optimizer: { learningRate: 0 } },
    ['spec.loss[0].weight: must be more than 0, is -1', 'spec.optimizer.learningRate: must be more than 0, is 0'],
  ],
  [
    'milestones that decrease or come too late',
    { scheduler: { name: 'MultiStepLR', options: { milestones: [50, 40, 100] } } },
    [
      'spec.scheduler.options.milestones[1]: milestones must increase',
      'spec.scheduler.options.milestones[2]: no epoch follows milestone 100: training.epochs is 100',
    ],
  ],
  [
    'a warm-up that is longer than the training',
    { training: { epochs: 5 }, scheduler: { options: { warmupEpochs: 5 } } },
    ['spec.scheduler.options.warmupEpochs: a warm-up of 5 epochs never ends: training.epochs is 5'],
  ],
  [
    'a minLearningRate above the learning rate',
    { scheduler: { options: { minLearningRate: 0.1 } } },
    ['spec.scheduler.options.minLearningRate: must be at most optimizer.learningRate, whose default is 0.001'],
  ],
  [
    'fewer epochs than validateEvery',
    { training: { epochs: 3, validateEvery: 4 } },
    ['spec.training.validateEvery: must be at most training.epochs (3), is 4: no epoch would be validated'],
  ],
  ['a repeated view', { inference: { tta: ['identity', 'identity'] } }, ['spec.inference.tta[1]: lists view identity twice']],
  ...[0, 1, 1.5, -0.5].map((threshold): [string, object, string[]] => [
    `a threshold of ${threshold}`,
    { inference: { threshold } },
    [`spec.inference.threshold: must be ${threshold <= 0 ? 'more than 0' : 'less than 1'}, is ${threshold}`],
  ]),
  [
    'views that rotate and scale too much',
    { inference: { tta: ['rotateLeft', 'scaleDown'], ttaDegrees: 180, ttaScale: 1 } },
    ['spec.inference.ttaDegrees: must be at most 45, is 180', 'spec.inference.ttaScale: must be at most 0.5, is 1'],
  ],
  [
    'a window of the default size in a smaller image',
    { inference: { window: {} } },
    ['spec.inference.window.size: a window of 1024 px is larger than the image of 512 px that it is cut from'],
  ],
  [
    'windows at another scale than that of the training',
    { input: { crop: { size: 512, imageSize: 1024 } }, inference: { window: { size: 512, sheetSize: 2048 } } },
    [
      'spec.inference.window.sheetSize: must be 1024, the size of the whole image in training, is 2048: at another scale the network sees bones of another size',
    ],
  ],
  [
    'unknown names of targets, loss, optimizer, scheduler and vote',
    {
      loss: [{ name: 'MSE' }],
      scheduler: { name: 'OneCycleLR' },
      optimizer: { name: 'LBFGS' },
      input: { targets: 'polygons' },
      ensemble: { method: 'median' },
    },
    [
      'spec.input.targets: "polygons" is not a valid value',
      'spec.loss[0].name: "MSE" is not a valid value',
      'spec.optimizer.name: "LBFGS" is not a valid value',
      'spec.scheduler.name: "OneCycleLR" is not a valid value',
      'spec.ensemble.method: "median" is not a valid value',
    ],
  ],
  [
    'windows with gaps, of an invalid size, and larger than the image',
    { input: { size: 992 }, inference: { window: { size: 1000, stride: 1001 } } },
    [
      'spec.inference.window.size: must be a multiple of 16 for network UNet, is 1000',
      'spec.inference.window.stride: a stride of 1001 leaves gaps between windows of 1000',
      'spec.inference.window.size: a window of 1000 px is larger than the image of 992 px that it is cut from',
    ],
  ],
  [
    'deep supervision of a network with one head',
    { training: { deepSupervision: true } },
    ['spec.training.deepSupervision: network UNet has no side heads to supervise'],
  ],
  [
    'pretrained weights for a network without an encoder',
    { model: { name: 'UNet', pretrained: { uri: 'resnet50.safetensors' } } },
    ['spec.model.pretrained: network UNet has no encoder that uses pretrained weights'],
  ],
  [
    'pretrained weights for the SegFormer with other layers',
    { model: { name: 'SegFormer', options: { variant: 'published' }, pretrained: { uri } } },
    ['spec.model.pretrained: variant published of SegFormer has other layers and widths than the encoders MiT-B0 to MiT-B5'],
  ],
  [
    'an encoder that is frozen until the end',
    { model: { name: 'HRNet', pretrained: { uri, frozenEpochs: 5 } }, training: { epochs: 5 } },
    ['spec.model.pretrained.frozenEpochs: must be less than training.epochs (5), is 5: the encoder would never be trained'],
  ],
  [
    'learning rates of an encoder outside of their limits',
    { model: { name: 'HRNet', pretrained: { uri, learningRateFactor: 10, layerDecay: 0, frozenEpochs: -1 } } },
    [
      'spec.model.pretrained.learningRateFactor: must be at most 1, is 10',
      'spec.model.pretrained.layerDecay: must be more than 0, is 0',
      'spec.model.pretrained.frozenEpochs: must be at least 0, is -1',
    ],
  ],
  [
    'an option of another network',
    { model: { name: 'NestedUNet', options: { depth: 3, guidance: true } } },
    [
      'spec.model.options.depth: is not an option of network NestedUNet',
      'spec.model.options.guidance: is not an option of network NestedUNet',
    ],
  ],
  [
    'the removed field training.engine',
    { training: { engine: 'auto' } },
    ['spec.training.engine: is not a field of a SegmentationExperiment'],
  ],
  ['a data set on the web', { dataset: { uri: 'https://a/b' } }, ['spec.dataset.uri: https:// data sets are not supported']],
  ['an unknown class list', { dataset: { uri, classes: 'feet' } }, ['spec.dataset.classes: there is no class list "feet"']],
  [
    'unknown and repeated folds',
    { dataset: { uri, split: { folds: 3 } }, run: { folds: [0, 0, 3] } },
    ['spec.run.folds[1]: lists fold 0 twice', 'spec.run.folds[2]: fold 3 does not exist: dataset.split.folds is 3'],
  ],
  [
    'a deadline of 0s and one of several years',
    { run: { startDeadline: '0s', foldDeadline: '1000d', ttlAfterFinished: '0s' } },
    ['spec.run.startDeadline: must be longer than 0s', 'spec.run.foldDeadline: 1000d is more than a year'],
  ],
  [
    '0 cores, and memory in units of 1/1000 byte',
    { placement: { cpu: '0', memory: '48m' } },
    ['spec.placement.cpu: must be more than 0 cores', 'spec.placement.memory: 48m is less than 256Mi (the unit m means 1/1000 of a byte)'],
  ],
  [
    'labels that Kubernetes rejects',
    { placement: { nodeSelector: { 'a/b/c': 'x', a: 'x y' } } },
    [
      'spec.placement.nodeSelector["a/b/c"]: "a/b/c" is not a valid label key of Kubernetes',
      'spec.placement.nodeSelector.a: "x y" is not a valid label value of Kubernetes',
    ],
  ],
  [
    'tolerations that Kubernetes rejects',
    { placement: { tolerations: [{ value: 'x' }, { operator: 'Exists', value: 'x', tolerationSeconds: 3 }] } },
    [
      'spec.placement.tolerations[0].key: is required unless operator is Exists',
      'spec.placement.tolerations[1].value: has no meaning with operator Exists',
      'spec.placement.tolerations[1].tolerationSeconds: is only used with effect NoExecute',
    ],
  ],
  ['an unknown network', { model: { name: 'YOLO' } }, ['spec.model.name: "YOLO" is not a valid value']],
  ['a network without a name', { model: {} }, ['spec.model.name: is missing']],
  [
    'values that are not numbers',
    { training: { epochs: Number.NaN, batchSize: 1.5 } },
    ['spec.training.epochs: must be a number, is NaN', 'spec.training.batchSize: must be a whole number or auto, is 1.5'],
  ],
  [
    'too many characters and entries',
    {
      report: { kakao: { receivers: ['a', 'b', 'c', 'd', 'e', 'f'] } },
      owner: 'x'.repeat(101),
      placement: { nodeSelector: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`a${i}`, ''])) },
    },
    [
      'spec.owner: must have at most 100 characters, has 101',
      'spec.placement.nodeSelector: must have at most 16 entries',
      'spec.report.kakao.receivers: must have at most 5 entries, has 6',
    ],
  ],
];

describe('the rules between fields', () => {
  it.each(REFUSED)('reject %s', (_, spec, expected) => {
    expect(mistakes(spec)).toEqual(expected);
  });

  it.each([
    [
      'a spec with most fields',
      {
        dataset: { uri: 's3://bucket/hands', split: { folds: 4, strategy: 'stratifiedGroup', seed: 0 } },
        model: { name: 'SlimUNet', options: { width: 8, depth: 2 } },
        input: { size: 34 },
        augmentations: [
          { name: 'shiftScaleRotate', shift: 0.1 },
          { name: 'gamma', low: 1, high: 1 },
          { name: 'gaussianNoise' },
          { name: 'elastic', alpha: 0.01, sigma: 0.01 },
          { name: 'gridDistortion', steps: 2, limit: 0.6 },
          { name: 'clahe', clipLimit: 1, tiles: 32 },
          { name: 'gaussianBlur' },
          { name: 'wristCrop', low: 1 },
          { name: 'brightnessContrast' },
        ],
        scheduler: { name: 'MultiStepLR', options: { milestones: [1, 2], gamma: 0.5, warmupEpochs: 1 } },
        training: { epochs: 4 },
        run: { folds: [3, 1] },
        placement: {
          cpu: '500m',
          nodeSelector: { 'karpenter.sh/capacity-type': 'spot' },
          tolerations: [{ operator: 'Exists' }, { key: 'gpu', value: 'v100', effect: 'NoExecute', tolerationSeconds: 3 }],
        },
        report: { slack: { channel: '#xray' }, kakao: {}, sheets: {}, mlflow: { experiment: 'hand-bones' } },
      },
    ],
  ])('accept %s', (_, spec) => {
    expect(mistakes(spec)).toEqual([]);
  });

  it.each([{}, { size: 512 }, { size: 96 }])('accept crops with the input size %j: the default or the size of the crop', (size) => {
    expect(mistakes({ input: { ...size, crop: { size: 96, imageSize: 200 } } })).toEqual([]);
  });

  it.each([undefined, 'B0', 'B5'])('accept pretrained weights for SegFormer with the variant %s', (variant) => {
    const pretrained = { uri, learningRateFactor: 0, layerDecay: 0.9, frozenEpochs: 99 };
    expect(mistakes({ model: { name: 'SegFormer', options: variant === undefined ? {} : { variant }, pretrained } })).toEqual([]);
  });

  it('name the nearest valid sizes', () => {
    const result = checkExperiment(manifest({ input: { size: 500 } }), LISTS);
    expect(result.ok ? [] : result.findings.map(({ fix }) => fix)).toEqual(['Write 496 or 512.']);
  });

  it('say how to replace a removed field', () => {
    const result = checkExperiment(manifest({ training: { engine: 'auto' } }), LISTS);
    expect(result.ok ? [] : result.findings.map(({ fix }) => fix)).toEqual([
      'Remove it: every training step now runs as a recorded graph.',
    ]);
  });

  it('are skipped for fields that are invalid by themselves, and checked for all others', () => {
    const spec = {
      dataset: { uri, split: { folds: 'three' } },
      run: { folds: [19] },
      model: { name: 'UNett' },
      input: { size: 33 },
      loss: [{ name: 'BCE' }, { name: 'BCE' }],
    };
    expect(mistakes(spec)).toEqual([
      'spec.dataset.split.folds: must be a number, is "three"',
      'spec.model.name: "UNett" is not a valid value',
      'spec.loss[1]: lists loss BCE twice',
    ]);
  });

  it.each([[undefined], [null], [3], ['text'], [[]], [{}], [{ spec: null }], [{ spec: [] }], [{ spec: { dataset: 3, model: [] } }]])(
    'reject %j as a manifest',
    (value) => {
      const result = checkExperiment(value, LISTS);
      expect(result.ok).toBe(false);
      if (!result.ok) expect(result.findings.length).toBeGreaterThan(0);
    },
  );

  it('never throw for any manifest', () => {
    const field = fc.constantFrom(
      ...Object.keys(specSchema.shape),
      'name',
      'options',
      'split',
      'folds',
      '__proto__',
      'constructor',
      'toString',
    );
    const tree = fc.letrec((again) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.jsonValue({ maxDepth: 1 }),
        fc.array(again('node'), { maxLength: 3 }),
        fc.dictionary(field, again('node'), { maxKeys: 5 }),
      ),
    })).node;
    fc.assert(
      fc.property(tree, (spec) => {
        const result = checkExperiment({ ...manifest({}), spec }, LISTS);
        if (!result.ok) expect(result.findings.length).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });
});
