/** The rules of configs/schema/learning-rules.ts in CEL, so that `kubectl apply` refuses what `carpal validate` refuses. */

import { type CelRule, type CelRules, digits, either, literal, once, says, valueOr } from '../rules/cel.ts';
import type { ModelName, ModelOptions } from '../schema/experiment.ts';
import { MODEL_NAMES, modelSchema } from '../schema/learning.ts';
import {
  AUGMENTATION_LEAST,
  AUGMENTATION_OPTIONS,
  AUGMENTATION_RANGES,
  MODEL_OPTIONS,
  PRETRAINED_ENCODERS,
  sizeMultiple,
  VARIANTS,
} from '../schema/options.ts';
import { ownOptions } from './own-options.ts';
import { schemaAt, structuralSchema } from './structural-schema.ts';

/** The number that input.size must be a multiple of, from spec: sizeMultiple of options.ts for every network at every depth. */
const MULTIPLE = [...Map.groupBy(MODEL_NAMES, multipleOf)].reduce(
  (otherwise, [multiple, names]) => either(`self.model.name in ${literal(names)}`, multiple, otherwise),
  '1',
);

function multipleOf(name: ModelName): string {
  const { depth } = MODEL_OPTIONS[name];
  const multiple = (options: ModelOptions): number => sizeMultiple({ name, options });
  if (typeof depth !== 'number') return String(multiple({}));
  const { minimum = 0, maximum = 0 } = schemaAt(structuralSchema(modelSchema), 'options.depth') ?? {};
  const depths = Array.from({ length: maximum - minimum + 1 }, (_, index) => minimum + index);
  const given = valueOr('self.model.options.depth', String(depth));
  // The server asks rules about fields that are themselves at fault: a depth that is not offered must not be an error of the rule.
  const isOffered = `${given} >= ${minimum} && ${given} <= ${maximum}`;
  return either(isOffered, `${literal(depths.map((levels) => multiple({ depth: levels })))}[${given} - ${minimum}]`, '1');
}

/** The server knows of input.size only that it is a number or `auto`. */
const SIZE = 'int(self.input.size)';
const BELOW = `(${SIZE} - ${SIZE} % ${MULTIPLE})`;
const size = (value: string): string => digits(value, 9999);

const inputSize: CelRule = {
  rule: `type(self.input.size) != int || ${SIZE} % ${MULTIPLE} == 0`,
  message: 'must be a multiple of 16 for UNet and of 2^(depth-1) for SlimUNet.',
  messageExpression: says`must be a multiple of ${digits(MULTIPLE, 99)} for network ${'self.model.name'}, is ${size(SIZE)}. Write ${either(
    `${BELOW} >= 32`,
    `${size(BELOW)} + ' or '`,
    "''",
  )}${size(`(${BELOW} + ${MULTIPLE})`)}.`,
  fieldPath: '.input.size',
};

/** One rule for each augmentation that draws from low to high. */
const augmentationRanges: readonly CelRule[] = AUGMENTATION_RANGES.map((name) => {
  const { low, high } = AUGMENTATION_OPTIONS[name];
  return {
    rule: `self.name != '${name}' || ${valueOr('self.low', literal(low, true))} <= ${valueOr('self.high', literal(high, true))}`,
    message: `low (default ${low}) lies above high (default ${high}). Let low be at most high.`,
  };
});

const augmentationLeast: readonly CelRule[] = AUGMENTATION_LEAST.map(({ name, option, least, why }) => ({
  rule: `self.name != '${name}' || !has(self.${option}) || self.${option} >= ${literal(least, true)}`,
  message: `must be at least ${least} for augmentation ${name}: ${why}. Write ${least} or more.`,
  fieldPath: `.${option}`,
}));

const validationHappens: CelRule = {
  rule: 'self.validateEvery <= self.epochs',
  message: 'no epoch would be validated. Write at most training.epochs.',
  messageExpression: says`no epoch would be validated: ${digits('self.validateEvery', 99_999)} is more than training.epochs, ${digits('self.epochs', 99_999)}. Write at most ${digits('self.epochs', 99_999)}.`,
  fieldPath: '.validateEvery',
};

const pretrainedEncoder: CelRule = {
  rule: `!has(self.pretrained) || self.name in ${literal(PRETRAINED_ENCODERS)}`,
  message: 'the network has no encoder that takes pretrained weights. Take it out.',
  messageExpression: says`network ${'self.name'} has no encoder that takes pretrained weights. Take it out; ${literal(PRETRAINED_ENCODERS.join(', '))} take pretrained weights.`,
  fieldPath: '.pretrained',
  reason: 'FieldValueForbidden',
};

/** One rule for each network that has variants. */
const ownVariants = Object.entries(VARIANTS).map(
  ([name, variants]): CelRule => ({
    rule: `self.name != ${literal(name)} || !has(self.options.variant) || self.options.variant in ${literal(variants)}`,
    message: `network ${name} has no such variant. Write ${variants.join(', ')}.`,
    messageExpression: says`network ${literal(name)} has no variant ${'self.options.variant'}. Write ${literal(variants.join(', '))}.`,
    fieldPath: '.options.variant',
  }),
);

const WINDOW = 'self.inference.window';

const windowSize: CelRule = {
  rule: `!has(${WINDOW}) || ${WINDOW}.size % ${MULTIPLE} == 0`,
  message: 'must be a multiple of what the network halves it by.',
  messageExpression: says`must be a multiple of ${digits(MULTIPLE, 99)} for network ${'self.model.name'}. Write such a multiple.`,
  fieldPath: '.inference.window.size',
};

const windowStride: CelRule = {
  rule: 'self.stride <= self.size',
  message: 'steps leave gaps between windows. Write at most the size; half of it is usual.',
  messageExpression: says`steps of ${size('self.stride')} leave gaps between windows of ${size('self.size')}. Write at most ${size('self.size')}; half of it is usual.`,
  fieldPath: '.stride',
};

const windowInSheet: CelRule = {
  rule: '!has(self.sheetSize) || self.size <= self.sheetSize',
  message: 'the window is larger than the sheet it is cut from. Write a smaller window, or leave sheetSize out: twice the window is taken.',
  messageExpression: says`a window of ${size('self.size')} px is larger than the sheet of ${size('self.sheetSize')} px it is cut from. Write at most ${size('self.sheetSize')}, or leave sheetSize out: twice the window is taken.`,
  fieldPath: '.size',
};

export const LEARNING_CEL: CelRules = {
  spec: [inputSize, windowSize],
  'spec.model': [...ownOptions(MODEL_OPTIONS, 'network', '.options'), ...ownVariants, pretrainedEncoder],
  'spec.augmentations[]': [...ownOptions(AUGMENTATION_OPTIONS, 'augmentation', ''), ...augmentationRanges, ...augmentationLeast],
  'spec.training': [validationHappens],
  'spec.inference.window': [windowStride, windowInSheet],
  'spec.inference.tta': [once('view', (entry) => entry)],
};
