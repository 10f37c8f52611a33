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
  ['half a batch', { training: { batchSize: 1.5 } }, ['spec.training.batchSize: Invalid value: "number"', 'must be of type integer']],
  [
    'deep supervision of a network with one head',
    { training: { deepSupervision: true } },
    ['spec.training.deepSupervision: Invalid value: network UNet has no side heads to supervise. Write false or take it out'],
  ],
  [
    'narrow numbers without a graph',
    { training: { engine: 'eager', precision: 'bfloat16' } },
    ['spec.training.precision: Invalid value: bfloat16 is for recorded graphs, and training.engine is eager. Write float32, or let'],
  ],
  [
    'weights for a network that takes none',
    { model: { name: 'UNet', pretrained: { uri } } },
    ['spec.model.pretrained: Forbidden: network UNet has no encoder that takes pretrained weights. Take it out'],
  ],
  ['a view named twice', { inference: { tta: ['identity', 'identity'] } }, ['spec.inference.tta: Invalid value: names a view twice.']],
  [
    'sliding windows, with gaps',
    { inference: { window: { size: 1000, stride: 1001 } } },
    [
      'spec.inference.window: Forbidden: sliding windows are not offered yet. Take it out',
      'spec.inference.window.size: Invalid value: must be a multiple of 16 for network UNet.',
      'spec.inference.window.stride: Invalid value: steps of 1001 leave gaps between windows of 1000. Write at most 1000',
    ],
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
