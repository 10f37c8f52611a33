/** Rules for sizes: the network's input, crops, and the windows of inference. */
import { celText, digits, either, literal, valueOr } from '../cel.ts';
import type { Finding } from '../finding.ts';
import type { InferenceSpec, ModelName, ModelOptions, ModelSpec } from '../schema/experiment.ts';
import { AUTO } from '../schema/fields.ts';
import { DEFAULT_SIZE, DEPTH, MODEL_NAMES } from '../schema/learning.ts';
import { sizeMultiple, slimDepth, trainingScale } from '../schema/options.ts';
import { type Rule, rule, unless } from './rule.ts';

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

/** The rules for what a network is trained on. */
export const INPUT_RULES: readonly Rule[] = [inputSize, ...CROP_RULES];

/** The rules for the windows of inference. */
export const INFERENCE_RULES: readonly Rule[] = [windowMultiple, ...WINDOW_RULES, windowInImage, windowScale];
