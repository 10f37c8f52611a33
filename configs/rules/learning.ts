/**
 * Rules for network, augmentations, validation and views. The rules for sizes are in sizes.ts, those for loss, optimizer and scheduler in
 * objective.ts.
 */
import { digits, literal, valueOr } from '../cel.ts';
import {
  AUGMENTATION_LEAST,
  AUGMENTATION_OPTIONS,
  AUGMENTATION_RANGES,
  MODEL_OPTIONS,
  PRETRAINED_ENCODERS,
  VARIANTS,
} from '../schema/options.ts';
import { type Rule, rule, unless } from './rule.ts';
import { distinct, ownOptions } from './shared.ts';
import { INFERENCE_RULES, INPUT_RULES } from './sizes.ts';

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

const publishedSegFormer = rule({
  at: 'spec.model',
  field: 'pretrained',
  message: 'variant published of SegFormer has other layers and widths than the encoders MiT-B0 to MiT-B5',
  fix: 'Write one of the variants B0 to B5, or remove pretrained.',
  reason: 'FieldValueForbidden',
  check: ({ name, options, pretrained }) => unless(pretrained === undefined || name !== 'SegFormer' || options.variant !== 'published'),
  cel: {
    rule: "!has(self.pretrained) || self.name != 'SegFormer' || !has(self.options.variant) || self.options.variant != 'published'",
  },
});

const encoderThaws = rule({
  at: 'spec',
  field: 'model.pretrained.frozenEpochs',
  reads: ['model.pretrained', 'training.epochs'],
  message: 'must be less than training.epochs ({epochs}), is {frozen}: the encoder would never be trained',
  fix: 'Write less than {epochs}. To keep the encoder frozen, write learningRateFactor: 0 instead.',
  check: ({ model: { pretrained }, training: { epochs } }) => {
    const frozen = pretrained?.frozenEpochs ?? 0;
    return unless(frozen < epochs, { frozen, epochs });
  },
  cel: {
    rule: '!has(self.model.pretrained) || self.model.pretrained.frozenEpochs < self.training.epochs',
    values: { frozen: digits('self.model.pretrained.frozenEpochs', 99_999), epochs: digits('self.training.epochs', 99_999) },
  },
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

export const LEARNING_RULES: readonly Rule[] = [
  ...ownOptions({ table: MODEL_OPTIONS, what: 'network', at: 'spec.model', options: 'options' }),
  ...variants,
  pretrainedEncoder,
  publishedSegFormer,
  encoderThaws,
  ...INPUT_RULES,
  ...ownOptions({ table: AUGMENTATION_OPTIONS, what: 'augmentation', at: 'spec.augmentations[]' }),
  ...augmentationRanges,
  ...augmentationLeast,
  validationHappens,
  ...INFERENCE_RULES,
  distinct({ at: 'spec.inference.tta', what: 'view' }),
];
