/** Manifests with an invalid loss, optimizer, scheduler or training section; see bad-manifests.ts. */

export type BadManifest = readonly [what: string, spec: object, messages: readonly string[]];

const uri = 's3://bucket/hands';

export const BAD_TRAINING_MANIFESTS: readonly BadManifest[] = [
  [
    'a repeated loss',
    { loss: [{ name: 'Dice' }, { name: 'Dice' }] },
    ['spec.loss: Invalid value: lists loss Dice twice. List each loss once.'],
  ],
  ['an empty list of losses', { loss: [] }, ['spec.loss: Invalid value', 'should have at least 1 items']],
  ['a loss with weight 0', { loss: [{ name: 'Dice', weight: 0 }] }, ['spec.loss[0].weight: Invalid value: 0', 'should be greater than 0']],
  [
    'a negative loss weight',
    { loss: [{ name: 'Lovasz', weight: -1 }] },
    ['spec.loss[0].weight: Invalid value: -1', 'should be greater than 0'],
  ],
  ['an unknown loss', { loss: [{ name: 'MSE' }] }, ['spec.loss[0].name: Unsupported value: "MSE": supported values: "Dice"']],
  [
    'options of other losses and of another optimizer',
    {
      loss: [
        { name: 'BCE', gamma: 2 },
        { name: 'Focal', reduction: 'global' },
      ],
      optimizer: { name: 'Lion', options: { momentum: 0.9 } },
    },
    [
      'spec.loss[0].gamma: Forbidden: is not an option of loss BCE. Remove it: it is an option of Focal, FocalTversky.',
      'spec.loss[1].reduction: Forbidden: is not an option of loss Focal. Remove it: it is an option of Dice, IoU, FocalTversky.',
      'spec.optimizer.options.momentum: Forbidden: is not an option of optimizer Lion. Remove it: it is an option of SGD, RMSprop.',
    ],
  ],
  [
    'values that would stop a loss or an optimizer',
    { loss: [{ name: 'FocalTversky', alpha: 0 }], optimizer: { name: 'SGD', learningRate: 0, options: { momentum: 1 } } },
    [
      'spec.loss[0].alpha: Invalid value: 0',
      'spec.optimizer.learningRate: Invalid value: 0',
      'spec.optimizer.options.momentum: Invalid value: 1',
      'should be less than 1',
    ],
  ],
  [
    'an option of another scheduler',
    { scheduler: { name: 'CosineAnnealingLR', options: { factor: 0.5 } } },
    [
      'spec.scheduler.options.factor: Forbidden: is not an option of scheduler CosineAnnealingLR. Remove it: it is an option of ReduceLROnPlateau.',
    ],
  ],
  [
    'MultiStepLR without milestones',
    { scheduler: { name: 'MultiStepLR' } },
    [
      'spec.scheduler.options.milestones: Required value: is required by scheduler MultiStepLR. Add the epochs after which the learning rate falls',
    ],
  ],
  [
    'milestones after the last epoch because of the warm-up',
    { training: { epochs: 10 }, scheduler: { name: 'MultiStepLR', options: { milestones: [5, 8], warmupEpochs: 2 } } },
    ['spec.scheduler.options.milestones: Invalid value: no epoch follows milestone 8: training.epochs is 10, 2 of them warm-up.'],
  ],
  [
    'restarts without cycleEpochs',
    { scheduler: { name: 'CosineAnnealingWarmRestarts' } },
    [
      'spec.scheduler.options.cycleEpochs: Required value: is required by scheduler CosineAnnealingWarmRestarts. Add the epochs of the first cycle',
    ],
  ],
  [
    'a first cycle that never ends',
    { training: { epochs: 10 }, scheduler: { name: 'CosineAnnealingWarmRestarts', options: { cycleEpochs: 9, warmupEpochs: 2 } } },
    [
      'spec.scheduler.options.cycleEpochs: Invalid value: a first cycle of 9 epochs never ends: training.epochs is 10, 2 of them warm-up. Write fewer epochs',
    ],
  ],
  [
    'a cycle that is only warm-up',
    { scheduler: { name: 'CustomCosineAnnealingWarmUpRestarts', options: { cycleEpochs: 10, cycleWarmupEpochs: 10 } } },
    [
      'spec.scheduler.options.cycleWarmupEpochs: Invalid value: a cycle of 10 epochs would be all warm-up (10 epochs). Write less than cycleEpochs.',
    ],
  ],
  [
    'an unknown scheduler',
    { scheduler: { name: 'OneCycleLR' } },
    ['spec.scheduler.name: Unsupported value: "OneCycleLR": supported values: "ReduceLROnPlateau"'],
  ],
  [
    'milestones that decrease and come too late',
    { scheduler: { name: 'MultiStepLR', options: { milestones: [50, 40, 100] } } },
    [
      'spec.scheduler.options.milestones: Invalid value: milestones must increase. Write the epochs in increasing order, each once.',
      'no epoch follows milestone 100: training.epochs is 100. Write an earlier epoch, or train longer.',
    ],
  ],
  [
    'a warm-up that is longer than the training',
    { training: { epochs: 5 }, scheduler: { options: { warmupEpochs: 15 } } },
    ['spec.scheduler.options.warmupEpochs: Invalid value: a warm-up of 15 epochs never ends: training.epochs is 5. Write less'],
  ],
  [
    'a minLearningRate above the learning rate',
    { scheduler: { options: { minLearningRate: 0.1 } } },
    [
      'spec.scheduler.options.minLearningRate: Invalid value: must be at most optimizer.learningRate, whose default is 0.001. Write a smaller number, or raise',
    ],
  ],
  [
    'fewer epochs than validateEvery',
    { training: { epochs: 3, validateEvery: 4 } },
    [
      'spec.training.validateEvery: Invalid value: must be at most training.epochs (3), is 4: no epoch would be validated. Write at most 3.',
    ],
  ],
  ['epochs as text', { training: { epochs: 'ten' } }, ['spec.training.epochs: Invalid value: "string"', 'must be of type integer']],
  [
    'a batch size that is an unknown word',
    { training: { batchSize: 'large' } },
    ['spec.training.batchSize: Invalid value: "large": must be a whole number or auto.'],
  ],
  [
    'a batch size that is not a whole number',
    { training: { batchSize: 1.5 } },
    ['spec.training.batchSize: Invalid value: "number"', 'must be of type integer'],
  ],
  [
    'deep supervision of a network with one head',
    { training: { deepSupervision: true } },
    ['spec.training.deepSupervision: Invalid value: network UNet has no side heads to supervise. Write false or remove it'],
  ],
  [
    'head weights without deep supervision',
    { model: { name: 'NestedUNet' }, training: { headWeights: [1, 1, 1, 1] } },
    ['spec.training.headWeights: Forbidden: is only used with training.deepSupervision. Remove it, or write deepSupervision: true.'],
  ],
  [
    'a wrong number of head weights',
    { model: { name: 'UNet3Plus' }, training: { deepSupervision: true, headWeights: [1, 0.5] } },
    [
      'spec.training.headWeights: Invalid value: has 2 weights, but network UNet3Plus has 5 heads. Write 5 weights, the first for the main head.',
    ],
  ],
  [
    'a head weight of 0 and an EMA decay of 1',
    { model: { name: 'NestedUNet' }, training: { deepSupervision: true, headWeights: [1, 0, 1, 1], ema: { decay: 1 } } },
    ['spec.training.headWeights[1]: Invalid value: 0', 'spec.training.ema.decay: Invalid value: 1', 'should be less than 1'],
  ],
  [
    'pretrained weights for a network without an encoder',
    { model: { name: 'UNet', pretrained: { uri } } },
    ['spec.model.pretrained: Forbidden: network UNet has no encoder that uses pretrained weights. Remove it'],
  ],
  [
    'pretrained weights for the SegFormer with other layers',
    { model: { name: 'SegFormer', options: { variant: 'published' }, pretrained: { uri } } },
    [
      'spec.model.pretrained: Forbidden: variant published of SegFormer has other layers and widths than the encoders MiT-B0 to MiT-B5. Write one of',
    ],
  ],
  [
    'an encoder that is frozen until the end',
    { model: { name: 'HRNet', pretrained: { uri, frozenEpochs: 15 } }, training: { epochs: 15 } },
    [
      'spec.model.pretrained.frozenEpochs: Invalid value: must be less than training.epochs (15), is 15: the encoder would never be trained. Write less than 15.',
    ],
  ],
  [
    'learning rates of an encoder outside of their limits',
    { model: { name: 'HRNet', pretrained: { uri, learningRateFactor: 10, layerDecay: 0 } } },
    [
      'spec.model.pretrained.learningRateFactor: Invalid value: 10',
      'should be less than or equal to 1',
      'spec.model.pretrained.layerDecay: Invalid value: 0',
      'should be greater than 0',
    ],
  ],
];
