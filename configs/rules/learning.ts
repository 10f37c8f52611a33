/** Rules for network, input, augmentations, validation and inference. The rules for loss, optimizer and scheduler are in objective.ts. */
import { celText, digits, either, literal, valueOr } from '../cel.ts';
import type { Finding } from '../finding.ts';
import type { InferenceSpec, ModelName, ModelOptions, ModelSpec } from '../schema/experiment.ts';
import { AUTO } from '../schema/fields.ts';
import { DEFAULT_SIZE, DEPTH, MODEL_NAMES } from '../schema/learning.ts';
import {
  AUGMENTATION_LEAST,
  AUGMENTATION_OPTIONS,
  AUGMENTATION_RANGES,
  MODEL_OPTIONS,
  PRETRAINED_ENCODERS,
  sizeMultiple,
  slimDepth,
  trainingScale,
  VARIANTS,
} from '../schema/options.ts';
import { type Rule, rule, unless } from './rule.ts';
import { distinct, ownOptions } from './shared.ts';

const px = (value: string): string => digits(value, 9999);

/** sizeMultiple as a CEL expression on spec, for every network and depth. */
const MULTIPLE = [...Map.groupBy(MODEL_NAMES, celMultiple)].reduce(
  (otherwise, [multiple, names]) => either(`self.model.name in ${literal(names)}`, multiple, otherwise),
  '1',
);

function celMultiple(name: ModelName): string {
  const multiple = (options: ModelOptions): number => sizeMultiple({ name, options });
  if (name !== 'SlimUNet') return String(multiple({}));
  const depths = Array.from({ length: DEPTH.most - DEPTH.least + 1 }, (_, index) => DEPTH.least + index);
  const given = valueOr('self.model.options.depth', String(slimDepth({})));
  // The server also evaluates rules that read invalid fields: an invalid depth must not make this expression fail.
  const isValid = `${given} >= ${DEPTH.least} && ${given} <= ${DEPTH.most}`;
  return either(isValid, `${literal(depths.map((depth) => multiple({ depth })))}[${given} - ${DEPTH.least}]`, '1');
}

/** The network in a message about sizes, with the depth if the multiple depends on it. */
const networkText = ({ name, options }: { name: ModelName; options: ModelOptions }): string =>
  name === 'SlimUNet' ? `${name} of depth ${slimDepth(options)}` : name;
const CEL_NETWORK = either(
  "self.model.name == 'SlimUNet'",
  celText('SlimUNet of depth {depth}', { depth: digits(valueOr('self.model.options.depth', String(slimDepth({}))), 9) }),
  'self.model.name',
);

/** The server only knows that input.size is a number or `auto`. */
const SIZE = 'int(self.input.size)';

/** A size that the network cannot halve often enough, and the nearest ones that it can. */
const SIZE_MESSAGE = {
  message: 'must be a multiple of {multiple} for network {network}, is {size}',
  fix: 'Write {nearest}.',
} as const;

function sizeViolation(model: ModelSpec, size: number): ReturnType<typeof unless<'multiple' | 'network' | 'size' | 'nearest'>> {
  const multiple = sizeMultiple(model);
  const below = size - (size % multiple);
  const nearest = [below, below + multiple].filter((valid) => valid >= 32).join(' or ');
  return unless(size % multiple === 0, { multiple, network: networkText(model), size, nearest });
}

/** The CEL texts of {@link sizeViolation}. */
function sizeTexts(size: string): Readonly<Record<'multiple' | 'network' | 'size' | 'nearest', string>> {
  const below = `(${size} - ${size} % ${MULTIPLE})`;
  return {
    multiple: digits(MULTIPLE, 99),
    network: CEL_NETWORK,
    size: px(size),
    nearest: `${either(`${below} >= 32`, `${px(below)} + ' or '`, "''")} + ${px(`(${below} + ${MULTIPLE})`)}`,
  };
}

const inputSize = rule({
  at: 'spec',
  field: 'input.size',
  reads: ['model', 'input.size', 'input.crop'],
  ...SIZE_MESSAGE,
  // With crops, the rules of crops report a wrong size.
  check: ({ model, input: { size, crop } }) => (size === AUTO || crop !== undefined ? [] : sizeViolation(model, size)),
  cel: {
    rule: `has(self.input.crop) || type(self.input.size) != int || ${SIZE} % ${MULTIPLE} == 0`,
    values: sizeTexts(SIZE),
  },
});

const CROP_RULES: readonly Rule[] = [
  rule({
    at: 'spec',
    field: 'input.crop.size',
    reads: ['model', 'input.crop.size'],
    ...SIZE_MESSAGE,
    check: ({ model, input: { crop } }) => (crop === undefined ? [] : sizeViolation(model, crop.size)),
    cel: { rule: `!has(self.input.crop) || self.input.crop.size % ${MULTIPLE} == 0`, values: sizeTexts('self.input.crop.size') },
  }),
  rule({
    at: 'spec.input.crop',
    field: 'size',
    reads: ['size', 'imageSize'],
    message: 'a crop of {size} px is larger than the image of {imageSize} px that it is cut from',
    fix: 'Write at most {imageSize}, or raise imageSize.',
    check: ({ size, imageSize }) => unless(size <= imageSize, { size, imageSize }),
    cel: { rule: 'self.size <= self.imageSize', values: { size: px('self.size'), imageSize: px('self.imageSize') } },
  }),
  rule({
    at: 'spec.input',
    field: 'size',
    reads: ['size', 'crop'],
    message: 'is {size}, but with crops the input of the network is crop.size ({crop})',
    fix: 'Remove input.size.',
    // The server has filled in the default, so it cannot be distinguished from a size that the user wrote.
    check: ({ size, crop }) => (crop === undefined ? [] : unless(size === crop.size || size === DEFAULT_SIZE, { size, crop: crop.size })),
    cel: {
      rule: `!has(self.crop) || (type(self.size) == int && int(self.size) in [self.crop.size, ${DEFAULT_SIZE}])`,
      values: { size: either('type(self.size) == int', px('int(self.size)'), literal(AUTO)), crop: px('self.crop.size') },
    },
  }),
  rule({
    at: 'spec',
    field: 'augmentations',
    reads: ['augmentations', 'input.crop'],
    message: 'wristCrop magnifies the wrist, but crops keep the scale that bones have in prediction',
    fix: 'Remove it; input.crop.sampling: wrist cuts crops around the carpals.',
    reason: 'FieldValueForbidden',
    check: ({ augmentations, input: { crop } }) =>
      crop === undefined ? [] : augmentations.flatMap(({ name }, index) => unless(name !== 'wristCrop', {}, [index])),
    cel: { rule: `!has(self.input.crop) || !self.augmentations.exists(entry, entry.name == 'wristCrop')` },
  }),
];

const variants = Object.entries(VARIANTS).map(([name, known]) =>
  rule({
    at: 'spec.model',
    field: 'options.variant',
    message: `network ${name} has no variant {variant}`,
    fix: `Write one of ${known.join(', ')}.`,
    check: ({ name: given, options: { variant } }) =>
      given !== name || variant === undefined ? [] : unless(known.includes(variant), { variant }),
    cel: {
      rule: `self.name != ${literal(name)} || !has(self.options.variant) || self.options.variant in ${literal(known)}`,
      values: { variant: 'self.options.variant' },
    },
  }),
);

const pretrainedEncoder = rule({
  at: 'spec.model',
  field: 'pretrained',
  message: 'network {name} has no encoder that uses pretrained weights',
  fix: `Remove it; ${PRETRAINED_ENCODERS.join(', ')} use pretrained weights.`,
  reason: 'FieldValueForbidden',
  check: ({ name, pretrained }) => unless(pretrained === undefined || PRETRAINED_ENCODERS.includes(name), { name }),
  cel: { rule: `!has(self.pretrained) || self.name in ${literal(PRETRAINED_ENCODERS)}`, values: { name: 'self.name' } },
});

const augmentationRanges = AUGMENTATION_RANGES.map((name) => {
  const low = AUGMENTATION_OPTIONS[name].low ?? 0;
  const high = AUGMENTATION_OPTIONS[name].high ?? 0;
  return rule({
    at: 'spec.augmentations[]',
    message: `low must be at most high (defaults of ${name}: low ${low}, high ${high})`,
    fix: 'Lower low or raise high.',
    check: (entry) =>
      unless(entry.name !== name || (entry.low ?? low) <= (entry.high ?? high), {}, [entry.low === undefined ? 'high' : 'low']),
    cel: { rule: `self.name != '${name}' || ${valueOr('self.low', literal(low, true))} <= ${valueOr('self.high', literal(high, true))}` },
  });
});

const augmentationLeast = AUGMENTATION_LEAST.map(({ name, option, least, why }) =>
  rule({
    at: 'spec.augmentations[]',
    field: option,
    message: `must be at least ${least} for augmentation ${name}: ${why}`,
    fix: `Write ${least} or more.`,
    check: (entry) => unless(entry.name !== name || (entry[option] ?? least) >= least),
    cel: { rule: `self.name != '${name}' || !has(self.${option}) || self.${option} >= ${literal(least, true)}` },
  }),
);

const validationHappens = rule({
  at: 'spec.training',
  field: 'validateEvery',
  reads: ['validateEvery', 'epochs'],
  message: 'must be at most training.epochs ({epochs}), is {validateEvery}: no epoch would be validated',
  fix: 'Write at most {epochs}.',
  check: ({ validateEvery, epochs }) => unless(validateEvery <= epochs, { validateEvery, epochs }),
  cel: {
    rule: 'self.validateEvery <= self.epochs',
    values: { validateEvery: digits('self.validateEvery', 99_999), epochs: digits('self.epochs', 99_999) },
  },
});

const windowMultiple = rule({
  at: 'spec',
  field: 'inference.window.size',
  reads: ['inference.window', 'model'],
  message: 'must be a multiple of {multiple} for network {network}, is {size}',
  fix: 'Write a multiple of {multiple}.',
  check: ({ inference: { window }, model }) => {
    if (window === undefined) return [];
    const multiple = sizeMultiple(model);
    return unless(window.size % multiple === 0, { multiple, network: networkText(model), size: window.size });
  },
  cel: {
    rule: `!has(self.inference.window) || self.inference.window.size % ${MULTIPLE} == 0`,
    values: { multiple: digits(MULTIPLE, 99), network: CEL_NETWORK, size: px('self.inference.window.size') },
  },
});

/** The training scale in CEL, and whether it is known: a size may be `auto`. */
const SCALE = either('has(self.input.crop)', 'self.input.crop.imageSize', SIZE);
const HAS_SCALE = '(has(self.input.crop) || type(self.input.size) == int)';

const windowInImage = rule({
  at: 'spec',
  field: 'inference.window.size',
  reads: ['inference.window', 'input.size', 'input.crop'],
  message: 'a window of {size} px is larger than the image of {scale} px that it is cut from',
  fix: 'Write at most {scale}.',
  check: ({ inference: { window }, input }) => {
    const scale = trainingScale(input);
    return window === undefined || scale === AUTO ? [] : unless(window.size <= scale, { size: window.size, scale });
  },
  cel: {
    rule: `!has(self.inference.window) || !${HAS_SCALE} || self.inference.window.size <= ${SCALE}`,
    values: { size: px('self.inference.window.size'), scale: px(SCALE) },
  },
});

const windowScale = rule({
  at: 'spec',
  field: 'inference.window.sheetSize',
  reads: ['inference.window', 'input.size', 'input.crop'],
  message:
    'must be {scale}, the size of the whole image in training, is {sheetSize}: at another scale the network sees bones of another size',
  fix: 'Remove it, or train with input.crop.imageSize: {sheetSize}.',
  check: ({ inference: { window }, input }) => {
    const scale = trainingScale(input);
    if (window?.sheetSize === undefined || scale === AUTO) return [];
    return unless(window.sheetSize === scale, { scale, sheetSize: window.sheetSize });
  },
  cel: {
    rule: `!has(self.inference.window) || !has(self.inference.window.sheetSize) || !${HAS_SCALE} || self.inference.window.sheetSize == ${SCALE}`,
    values: { scale: px(SCALE), sheetSize: px('self.inference.window.sheetSize') },
  },
});

const WINDOW_RULES: readonly Rule[] = [
  rule({
    at: 'spec.inference.window',
    field: 'stride',
    message: 'a stride of {stride} leaves gaps between windows of {size}',
    fix: 'Write at most {size}; half of it is usual.',
    check: ({ size, stride }) => unless(stride <= size, { size, stride }),
    cel: { rule: 'self.stride <= self.size', values: { size: px('self.size'), stride: px('self.stride') } },
  }),
];

/** What is wrong with a window, whatever the network. Paths begin at the window's own fields. */
export function windowFindings(window: NonNullable<InferenceSpec['window']>): readonly Finding[] {
  return WINDOW_RULES.flatMap(({ findingsIn }) => findingsIn(window, { classLists: [] }));
}

export const LEARNING_RULES: readonly Rule[] = [
  ...ownOptions({ table: MODEL_OPTIONS, what: 'network', at: 'spec.model', options: 'options' }),
  ...variants,
  pretrainedEncoder,
  inputSize,
  ...CROP_RULES,
  ...ownOptions({ table: AUGMENTATION_OPTIONS, what: 'augmentation', at: 'spec.augmentations[]' }),
  ...augmentationRanges,
  ...augmentationLeast,
  validationHappens,
  windowMultiple,
  ...WINDOW_RULES,
  windowInImage,
  windowScale,
  distinct({ at: 'spec.inference.tta', what: 'view' }),
];
