// cspell:ignore trainign
/** Manifests that the API server must reject, with texts that kubectl must print: the field and what to write. */
import { BAD_RUNNING_MANIFESTS } from './bad-running-manifests.ts';
import { BAD_TRAINING_MANIFESTS, type BadManifest } from './bad-training-manifests.ts';

const uri = 's3://bucket/hands';

/** Each `spec` is merged into `{dataset: {uri}, model: {name: UNet}}`. */
export const BAD_MANIFESTS: readonly BadManifest[] = [
  ['no data set', { dataset: {} }, ['spec.dataset.uri: Required value']],
  ['an empty data set', { dataset: { uri: '' } }, ['spec.dataset.uri: Invalid value: ""', 'should be at least 1 chars long']],
  [
    'a data set on the web',
    { dataset: { uri: 'https://a/b' } },
    [
      'spec.dataset.uri: Invalid value: "https://a/b": https:// data sets are not supported',
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
    'an unknown split strategy',
    { dataset: { uri, split: { strategy: 'random' } } },
    ['spec.dataset.split.strategy: Unsupported value: "random": supported values: "group", "stratifiedGroup"'],
  ],
  ['a network without a name', { model: {} }, ['spec.model.name: Required value']],
  ['an unknown network', { model: { name: 'YOLO' } }, ['spec.model.name: Unsupported value: "YOLO": supported values: "UNet"']],
  [
    'an option of another network',
    { model: { name: 'UNet', options: { width: 8 } } },
    ['spec.model.options.width: Forbidden: is not an option of network UNet. Remove it: it is an option of SlimUNet'],
  ],
  [
    'a variant of another network',
    { model: { name: 'HRNet', options: { variant: 'B2' } } },
    ['spec.model.options.variant: Invalid value: network HRNet has no variant B2. Write one of W18, W32, W48.'],
  ],
  [
    'a size as the variant of CustomUNet',
    { model: { name: 'CustomUNet', options: { variant: 'B2' } } },
    ['spec.model.options.variant: Invalid value: network CustomUNet has no variant B2. Write one of published, improved.'],
  ],
  [
    'an unknown encoder',
    { model: { name: 'UNetPlusPlus', options: { encoder: 'VGG16' } } },
    [
      'spec.model.options.encoder: Unsupported value: "VGG16": supported values: "ResNet34", "ResNet50", "ConvNeXtTiny", "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2"',
    ],
  ],
  [
    'a width of 0',
    { model: { name: 'DUCKNet', options: { width: 0 } } },
    ['spec.model.options.width: Invalid value: 0', 'should be greater than or equal to 1'],
  ],
  [
    'a size that is not a multiple of 16',
    { input: { size: 120 } },
    ['spec.input.size: Invalid value: must be a multiple of 16 for network UNet, is 120. Write 112 or 128.'],
  ],
  [
    'a size that is not a multiple of 64 for a deep SlimUNet',
    { model: { name: 'SlimUNet', options: { depth: 7 } }, input: { size: 40 } },
    ['spec.input.size: Invalid value: must be a multiple of 64 for network SlimUNet of depth 7, is 40. Write 64.'],
  ],
  [
    'crops that are larger than the image',
    { input: { crop: { size: 1000, imageSize: 512 } } },
    [
      'spec.input.crop.size: Invalid value: must be a multiple of 16 for network UNet, is 1000. Write 992 or 1008.',
      'spec.input.crop.size: Invalid value: a crop of 1000 px is larger than the image of 512 px that it is cut from. Write at most 512, or raise imageSize.',
    ],
  ],
  [
    'a measured size and wristCrop with crops',
    { input: { size: 'auto', crop: { size: 512, imageSize: 1024 } }, augmentations: [{ name: 'wristCrop' }] },
    [
      'spec.input.size: Invalid value: is auto, but with crops the input of the network is crop.size (512). Remove input.size.',
      'spec.augmentations: Forbidden: wristCrop magnifies the wrist, but crops keep the scale that bones have in prediction.',
    ],
  ],
  ['a size above the limit', { input: { size: 4096 } }, ['spec.input.size: Invalid value: 4096', 'less than or equal to 2048']],
  [
    'unknown targets',
    { input: { targets: 'polygons' } },
    ['spec.input.targets: Unsupported value: "polygons": supported values: "area", "nearest"'],
  ],
  [
    'an option of another augmentation',
    { augmentations: [{ name: 'flipHorizontal' }, { name: 'rotate', sigma: 0.1 }] },
    [
      'spec.augmentations[1].sigma: Forbidden: is not an option of augmentation rotate. Remove it: it is an option of elastic, gaussianNoise.',
    ],
  ],
  [
    'a gamma range with low above high',
    { augmentations: [{ name: 'gamma', low: 2 }] },
    ['spec.augmentations[0]: Invalid value: low must be at most high (defaults of gamma: low 0.8, high 1.25). Lower low or raise high.'],
  ],
  [
    'a blur range with low above high',
    { augmentations: [{ name: 'gaussianBlur', low: 2 }] },
    [
      'spec.augmentations[0]: Invalid value: low must be at most high (defaults of gaussianBlur: low 0.3, high 1). Lower low or raise high.',
    ],
  ],
  [
    'an elastic sigma that is too small',
    {
      augmentations: [
        { name: 'gaussianNoise', sigma: 0.001 },
        { name: 'elastic', sigma: 0.001 },
      ],
    },
    [
      'spec.augmentations[1].sigma: Invalid value: must be at least 0.01 for augmentation elastic: a smaller sigma makes noise, not a smooth deformation.',
    ],
  ],
  [
    'a crop that is smaller than the wrist',
    { augmentations: [{ name: 'wristCrop', low: 0.5 }] },
    [
      'spec.augmentations[0].low: Invalid value: must be at least 1 for augmentation wristCrop: a smaller window would cut off carpal bones.',
    ],
  ],
  [
    'an unknown augmentation',
    { augmentations: [{ name: 'mixup' }] },
    ['spec.augmentations[0].name: Unsupported value: "mixup": supported values: "rotate"'],
  ],
  [
    'a probability above 1',
    { augmentations: [{ name: 'rotate', probability: 50 }] },
    ['spec.augmentations[0].probability: Invalid value: 50'],
  ],
  ...BAD_TRAINING_MANIFESTS,
  ['a repeated view', { inference: { tta: ['identity', 'identity'] } }, ['spec.inference.tta: Invalid value: lists view identity twice.']],
  ['an unknown view', { inference: { tta: ['upsideDown'] } }, ['spec.inference.tta[0]: Unsupported value: "upsideDown"']],
  ['a threshold of 0', { inference: { threshold: 0 } }, ['spec.inference.threshold: Invalid value: 0', 'should be greater than 0']],
  ['a threshold in per cent', { inference: { threshold: 50 } }, ['spec.inference.threshold: Invalid value: 50', 'should be less than 1']],
  [
    'views that rotate and scale too much',
    { inference: { tta: ['rotateLeft', 'scaleDown'], ttaDegrees: 180, ttaScale: 1 } },
    ['spec.inference.ttaDegrees: Invalid value: 180', 'spec.inference.ttaScale: Invalid value: 1'],
  ],
  [
    'windows with gaps, of an invalid size, and larger than the image',
    { input: { size: 992 }, inference: { window: { size: 1000, stride: 1001 } } },
    [
      'spec.inference.window.size: Invalid value: must be a multiple of 16 for network UNet, is 1000. Write a multiple of 16.',
      'spec.inference.window.stride: Invalid value: a stride of 1001 leaves gaps between windows of 1000. Write at most 1000',
      'spec.inference.window.size: Invalid value: a window of 1000 px is larger than the image of 992 px that it is cut from. Write at most 992',
    ],
  ],
  [
    'a window of the default size in a smaller image',
    { inference: { window: {} } },
    [
      'spec.inference.window.size: Invalid value: a window of 1024 px is larger than the image of 512 px that it is cut from. Write at most 512',
    ],
  ],
  [
    'an unknown vote',
    { ensemble: { method: 'median' } },
    ['spec.ensemble.method: Unsupported value: "median": supported values: "soft", "hard"'],
  ],
  ...BAD_RUNNING_MANIFESTS,
  [
    'too many receivers',
    { report: { kakao: { receivers: ['a', 'b', 'c', 'd', 'e', 'f'] } } },
    ['spec.report.kakao.receivers: Too many: 6: must have at most 5 items'],
  ],
  ['an owner that is too long', { owner: 'x'.repeat(101) }, ['spec.owner: Too long: may not be more than 100']],
  ['a Slack report without a channel', { report: { slack: {} } }, ['spec.report.slack.channel: Required value']],
  ['a misspelled field', { trainign: { epochs: 3 } }, ['unknown field "spec.trainign"']],
  ['an unknown field deep inside', { loss: [{ name: 'Dice', smooth: 1 }] }, ['unknown field "spec.loss[0].smooth"']],
];

/** Names that Kubernetes accepts but carpal does not. */
export const BAD_NAMES: readonly string[] = ['x'.repeat(41), 'wrist.2024'];
