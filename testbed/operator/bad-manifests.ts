/** Manifests that must not get in, each with what kubectl must say about it: which field, and what to do. */
export type BadManifest = readonly [what: string, spec: object, said: readonly string[]];

const uri = 's3://bucket/hands';

/** Each `spec` is put over `{dataset: {uri}, model: {name: UNet}}`. */
export const BAD_MANIFESTS: readonly BadManifest[] = [
  ['no data set', { dataset: {} }, ['spec.dataset.uri: Required value']],
  ['an empty data set', { dataset: { uri: '' } }, ['spec.dataset.uri: Invalid value: ""', 'should be at least 1 chars long']],
  [
    'a data set on the web',
    { dataset: { uri: 'https://a/b' } },
    [
      'spec.dataset.uri: Invalid value: "https://a/b": https:// data sets are not offered',
      'Write the path of a folder, file:///path or s3://',
    ],
  ],
  [
    'a class list with a path',
    { dataset: { uri, classes: '../feet' } },
    ['spec.dataset.classes: Invalid value: "../feet": must be the name of a file in configs/classes, such as hand-bones.'],
  ],
  ['one fold', { dataset: { uri, split: { folds: 1 } } }, ['spec.dataset.split.folds: Invalid value: 1', 'greater than or equal to 2']],
  [
    'a way to split that is not there',
    { dataset: { uri, split: { strategy: 'random' } } },
    ['spec.dataset.split.strategy: Unsupported value: "random": supported values: "group", "stratifiedGroup"'],
  ],
  ['a network without a name', { model: {} }, ['spec.model.name: Required value']],
  ['a network that is not there', { model: { name: 'YOLO' } }, ['spec.model.name: Unsupported value: "YOLO": supported values: "UNet"']],
  [
    'an option of another network',
    { model: { name: 'UNet', options: { width: 8 } } },
    ['spec.model.options.width: Forbidden: is not an option of network UNet. Take it out: it belongs to SlimUNet'],
  ],
  [
    'a variant of another network',
    { model: { name: 'HRNet', options: { variant: 'B2' } } },
    ['spec.model.options.variant: Invalid value: network HRNet has no variant B2. Write W18, W32, W48.'],
  ],
  [
    'an encoder that is not there',
    { model: { name: 'UNetPlusPlus', options: { encoder: 'VGG16' } } },
    ['spec.model.options.encoder: Unsupported value: "VGG16": supported values: "ResNet34", "ResNet50"'],
  ],
  [
    'no width at all',
    { model: { name: 'DUCKNet', options: { width: 0 } } },
    ['spec.model.options.width: Invalid value: 0', 'should be greater than or equal to 1'],
  ],
  [
    'a size that UNet cannot halve four times',
    { input: { size: 120 } },
    ['spec.input.size: Invalid value: must be a multiple of 16 for network UNet, is 120. Write 112 or 128.'],
  ],
  [
    'a size that a deep SlimUNet cannot halve',
    { model: { name: 'SlimUNet', options: { depth: 7 } }, input: { size: 40 } },
    ['spec.input.size: Invalid value: must be a multiple of 64 for network SlimUNet, is 40. Write 64.'],
  ],
  ['a size of thousands', { input: { size: 4096 } }, ['spec.input.size: Invalid value: 4096', 'less than or equal to 2048']],
  [
    'targets that are neither shares nor centres',
    { input: { targets: 'polygons' } },
    ['spec.input.targets: Unsupported value: "polygons": supported values: "area", "nearest"'],
  ],
  [
    'an option of another augmentation',
    { augmentations: [{ name: 'flipHorizontal' }, { name: 'rotate', sigma: 0.1 }] },
    ['spec.augmentations[1].sigma: Forbidden: is not an option of augmentation rotate. Take it out: it belongs to elastic, gaussianNoise.'],
  ],
  [
    'a gamma range upside down',
    { augmentations: [{ name: 'gamma', low: 2 }] },
    ['spec.augmentations[0]: Invalid value: low (default 0.8) lies above high (default 1.25). Let low be at most high.'],
  ],
  [
    'a blur range upside down',
    { augmentations: [{ name: 'gaussianBlur', low: 2 }] },
    ['spec.augmentations[0]: Invalid value: low (default 0.3) lies above high (default 1). Let low be at most high.'],
  ],
  [
    'an elastic field as fine as noise',
    {
      augmentations: [
        { name: 'gaussianNoise', sigma: 0.001 },
        { name: 'elastic', sigma: 0.001 },
      ],
    },
    ['spec.augmentations[1].sigma: Invalid value: must be at least 0.01 for augmentation elastic: a finer field is noise, not a bend.'],
  ],
  [
    'a crop that would cut the wrist',
    { augmentations: [{ name: 'wristCrop', low: 0.5 }] },
    [
      'spec.augmentations[0].low: Invalid value: must be at least 1 for augmentation wristCrop: a smaller window would cut the carpals off.',
    ],
  ],
  [
    'an augmentation that is not there',
    { augmentations: [{ name: 'mixup' }] },
    ['spec.augmentations[0].name: Unsupported value: "mixup": supported values: "rotate"'],
  ],
  [
    'a probability above 1',
    { augmentations: [{ name: 'rotate', probability: 50 }] },
    ['spec.augmentations[0].probability: Invalid value: 50'],
  ],
  [
    'a loss named twice',
    { loss: [{ name: 'Dice' }, { name: 'Dice' }] },
    ['spec.loss: Invalid value: names a loss twice. Name each loss once.'],
  ],
  ['no loss at all', { loss: [] }, ['spec.loss: Invalid value', 'should have at least 1 items']],
  ['a loss without weight', { loss: [{ name: 'Dice', weight: 0 }] }, ['spec.loss[0].weight: Invalid value: 0', 'should be greater than 0']],
  [
    'a loss that pulls backwards',
    { loss: [{ name: 'Lovasz', weight: -1 }] },
    ['spec.loss[0].weight: Invalid value: -1', 'should be greater than 0'],
  ],
  ['a loss that is not there', { loss: [{ name: 'MSE' }] }, ['spec.loss[0].name: Unsupported value: "MSE": supported values: "Dice"']],
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
      'spec.loss[0].gamma: Forbidden: is not an option of loss BCE. Take it out: it belongs to Focal, FocalTversky.',
      'spec.loss[1].reduction: Forbidden: is not an option of loss Focal. Take it out: it belongs to Dice, IoU, FocalTversky.',
      'spec.optimizer.options.momentum: Forbidden: is not an option of optimizer Lion. Take it out: it belongs to SGD, RMSprop.',
    ],
  ],
  [
    'numbers that would make a loss or an optimizer stand still',
    { loss: [{ name: 'FocalTversky', alpha: 0 }], optimizer: { name: 'SGD', learningRate: 0, options: { momentum: 1 } } },
    [
      'spec.loss[0].alpha: Invalid value: 0',
      'spec.optimizer.learningRate: Invalid value: 0',
      'spec.optimizer.options.momentum: Invalid value: 1',
      'should be less than 1',
    ],
  ],
  [
    'an option of another schedule',
    { scheduler: { name: 'CosineAnnealingLR', options: { factor: 0.5 } } },
    [
      'spec.scheduler.options.factor: Forbidden: is not an option of scheduler CosineAnnealingLR. Take it out: it belongs to ReduceLROnPlateau.',
    ],
  ],
  [
    'MultiStepLR without milestones',
    { scheduler: { name: 'MultiStepLR' } },
    [
      'spec.scheduler.options.milestones: Required value: scheduler MultiStepLR needs it. Add the epochs after which the learning rate falls',
    ],
  ],
  [
    'milestones that the warm-up pushes past the end',
    { training: { epochs: 10 }, scheduler: { name: 'MultiStepLR', options: { milestones: [5, 8], warmupEpochs: 2 } } },
    ['spec.scheduler.options.milestones: Invalid value: an epoch is never followed by another: training.epochs is 10.'],
  ],
  [
    'restarts without a length',
    { scheduler: { name: 'CosineAnnealingWarmRestarts' } },
    [
      'spec.scheduler.options.cycleEpochs: Required value: scheduler CosineAnnealingWarmRestarts needs it. Add the epochs of the first cycle',
    ],
  ],
  [
    'a first cycle that never ends',
    { training: { epochs: 10 }, scheduler: { name: 'CosineAnnealingWarmRestarts', options: { cycleEpochs: 9, warmupEpochs: 2 } } },
    [
      'spec.scheduler.options.cycleEpochs: Invalid value: the first cycle of 9 epochs never ends: training.epochs is 10. Write fewer epochs',
    ],
  ],
  [
    'a cycle that does nothing but climb',
    { scheduler: { name: 'CustomCosineAnnealingWarmUpRestarts', options: { cycleEpochs: 10, cycleWarmupEpochs: 10 } } },
    ['spec.scheduler.options.cycleWarmupEpochs: Invalid value: a cycle would only climb. Write less than cycleEpochs.'],
  ],
  [
    'a schedule that is not there',
    { scheduler: { name: 'OneCycleLR' } },
    ['spec.scheduler.name: Unsupported value: "OneCycleLR": supported values: "ReduceLROnPlateau"'],
  ],
  [
    'milestones that fall back and come too late',
    { scheduler: { name: 'MultiStepLR', options: { milestones: [50, 40, 100] } } },
    [
      'spec.scheduler.options.milestones: Invalid value: the epochs do not rise. Write them in rising order, each once.',
      'an epoch is never followed by another: training.epochs is 100. Write earlier epochs or train longer.',
    ],
  ],
  [
    'a warm-up without an end',
    { training: { epochs: 5 }, scheduler: { options: { warmupEpochs: 15 } } },
    ['spec.scheduler.options.warmupEpochs: Invalid value: the warm-up of 15 epochs never ends: training.epochs is 5. Write fewer epochs'],
  ],
  [
    'a floor above the learning rate',
    { scheduler: { options: { minLearningRate: 0.1 } } },
    ['spec.scheduler.options.minLearningRate: Invalid value: lies above optimizer.learningRate. Write a smaller number, or raise'],
  ],
  [
    'training that is never validated',
    { training: { epochs: 3, validateEvery: 4 } },
    ['spec.training.validateEvery: Invalid value: no epoch would be validated: 4 is more than training.epochs, 3. Write at most 3.'],
  ],
  ['epochs in words', { training: { epochs: 'ten' } }, ['spec.training.epochs: Invalid value: "string"', 'must be of type integer']],
  [
    'a batch in words',
    { training: { batchSize: 'large' } },
    ['spec.training.batchSize: Invalid value: "large": must be a whole number or auto.'],
  ],
  ['half a batch', { training: { batchSize: 1.5 } }, ['spec.training.batchSize: Invalid value: "number"', 'must be of type integer']],
  [
    'deep supervision of a network with one head',
    { training: { deepSupervision: true } },
    ['spec.training.deepSupervision: Invalid value: network UNet has no side heads to supervise. Write false or take it out'],
  ],
  [
    'weights of heads that are not supervised',
    { model: { name: 'NestedUNet' }, training: { headWeights: [1, 1, 1, 1] } },
    [
      'spec.training.headWeights: Forbidden: has a meaning only with training.deepSupervision. Take it out, or write deepSupervision: true.',
    ],
  ],
  [
    'weights for other heads than the network has',
    { model: { name: 'UNet3Plus' }, training: { deepSupervision: true, headWeights: [1, 0.5] } },
    ['spec.training.headWeights: Invalid value: network UNet3Plus has 5 heads. Write as many weights, the one of the answer first.'],
  ],
  [
    'a head without weight, and an average that never moves',
    { model: { name: 'NestedUNet' }, training: { deepSupervision: true, headWeights: [1, 0, 1, 1], ema: { decay: 1 } } },
    ['spec.training.headWeights[1]: Invalid value: 0', 'spec.training.ema.decay: Invalid value: 1', 'should be less than 1'],
  ],
  [
    'weights for a network that takes none',
    { model: { name: 'UNet', pretrained: { uri } } },
    ['spec.model.pretrained: Forbidden: network UNet has no encoder that takes pretrained weights. Take it out'],
  ],
  ['a view named twice', { inference: { tta: ['identity', 'identity'] } }, ['spec.inference.tta: Invalid value: names a view twice.']],
  ['a view that is not there', { inference: { tta: ['upsideDown'] } }, ['spec.inference.tta[0]: Unsupported value: "upsideDown"']],
  [
    'a threshold that everything passes',
    { inference: { threshold: 0 } },
    ['spec.inference.threshold: Invalid value: 0', 'should be greater than 0'],
  ],
  ['a threshold in per cent', { inference: { threshold: 50 } }, ['spec.inference.threshold: Invalid value: 50', 'should be less than 1']],
  [
    'views that turn by half a circle and shrink to nothing',
    { inference: { tta: ['rotateLeft', 'scaleDown'], ttaDegrees: 180, ttaScale: 1 } },
    ['spec.inference.ttaDegrees: Invalid value: 180', 'spec.inference.ttaScale: Invalid value: 1'],
  ],
  [
    'sliding windows with gaps, larger than the sheet',
    { inference: { window: { size: 1000, stride: 1001, sheetSize: 992 } } },
    [
      'spec.inference.window.size: Invalid value: must be a multiple of 16 for network UNet.',
      'spec.inference.window.stride: Invalid value: steps of 1001 leave gaps between windows of 1000. Write at most 1000',
      'spec.inference.window.size: Invalid value: a window of 1000 px is larger than the sheet of 992 px it is cut from. Write at most 992',
    ],
  ],
  [
    'a window of the usual size on a smaller sheet',
    { inference: { window: { sheetSize: 512 } } },
    ['spec.inference.window.size: Invalid value: a window of 1024 px is larger than the sheet of 512 px it is cut from. Write at most 512'],
  ],
  [
    'a vote that is not there',
    { ensemble: { method: 'median' } },
    ['spec.ensemble.method: Unsupported value: "median": supported values: "soft", "hard"'],
  ],
  [
    'folds that the split has not, and one twice',
    { dataset: { uri, split: { folds: 3 } }, run: { folds: [0, 0, 3] } },
    [
      'spec.run.folds: Invalid value: names a fold that is not there: dataset.split.folds is 3. Write 0 to 2, or raise dataset.split.folds.',
      'spec.run.folds: Invalid value: names a fold twice. Name each fold once.',
    ],
  ],
  [
    'a deadline of nothing, one of years and one in words',
    { run: { startDeadline: '0s', foldDeadline: '1000d', ttlAfterFinished: 'soon' } },
    [
      'spec.run.startDeadline: Invalid value: "0s": must be longer than nothing. Write a duration such as 2h.',
      'spec.run.foldDeadline: Invalid value: "1000d": 1000d is more than a year. Write at most 365d.',
      'spec.run.ttlAfterFinished: Invalid value: "soon": must be a duration such as 90m, 2h, 14d or 1h30m.',
    ],
  ],
  ['no fold at a time', { run: { parallelism: 0 } }, ['spec.run.parallelism: Invalid value: 0', 'greater than or equal to 1']],
  [
    'no cores, and memory in thousandths of a byte',
    { placement: { cpu: '0', memory: '48m' } },
    [
      'spec.placement.cpu: Invalid value: "0": must be more than 0 cores. Write a quantity such as "7" or "500m".',
      'spec.placement.memory: Invalid value: "48m": 48m is less than 256Mi (the unit m means thousandths of a byte). Write a quantity such as 48Gi.',
    ],
  ],
  [
    'memory as people say it',
    { placement: { memory: '48 GB' } },
    ['spec.placement.memory: Invalid value: "48 GB": must be a Kubernetes quantity in quotes, such as "7", "500m" or "48Gi".'],
  ],
  ['cores as a number', { placement: { cpu: 7 } }, ['spec.placement.cpu: Invalid value: "integer"', 'must be of type string']],
  [
    'labels that Kubernetes refuses',
    { placement: { nodeSelector: { 'a/b/c': 'x', a: 'x y' } } },
    [
      'spec.placement.nodeSelector: Invalid value: "a/b/c" is not a label name that Kubernetes allows. Write it as kubectl get nodes',
      'spec.placement.nodeSelector: Invalid value: "x y" is not a label value that Kubernetes allows.',
    ],
  ],
  [
    'tolerations that Kubernetes refuses',
    { placement: { tolerations: [{ value: 'x' }, { operator: 'Exists', value: 'x', tolerationSeconds: 3 }] } },
    [
      'spec.placement.tolerations[0].key: Required value: Name the taint, or write operator: Exists to tolerate every one.',
      'spec.placement.tolerations[1].value: Invalid value: has no meaning with operator Exists. Take the value out',
      'spec.placement.tolerations[1].tolerationSeconds: Invalid value: has a meaning only with effect NoExecute. Take it out',
    ],
  ],
  [
    'a queue with spaces',
    { placement: { queueName: 'gpu queue' } },
    ['spec.placement.queueName: Invalid value: "gpu queue": must be empty or a Kubernetes name (lower-case letters, digits, "-" and ".").'],
  ],
  [
    'too many receivers',
    { report: { kakao: { receivers: ['a', 'b', 'c', 'd', 'e', 'f'] } } },
    ['spec.report.kakao.receivers: Too many: 6: must have at most 5 items'],
  ],
  ['an owner of pages', { owner: 'x'.repeat(101) }, ['spec.owner: Too long: may not be more than 100']],
  ['a report to nobody', { report: { slack: {} } }, ['spec.report.slack.channel: Required value']],
  ['a field with a slip', { trainign: { epochs: 3 } }, ['unknown field "spec.trainign"']],
  ['a field that is nowhere, deep inside', { loss: [{ name: 'Dice', smooth: 1 }] }, ['unknown field "spec.loss[0].smooth"']],
];

/** Names that Kubernetes would take and we cannot. */
export const BAD_NAMES: readonly string[] = ['x'.repeat(41), 'wrist.2024'];
