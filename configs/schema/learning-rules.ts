/** Rules between the fields that say what is learned and how; those of loss, optimizer and schedule are in objective-rules.ts. */
import type { Finding } from '../finding.ts';
import { AUTO } from './auto.ts';
import type { InferenceSpec } from './experiment.ts';
import {
  AUGMENTATION_LEAST,
  AUGMENTATION_OPTIONS,
  AUGMENTATION_RANGES,
  MODEL_OPTIONS,
  PRETRAINED_ENCODERS,
  sizeMultiple,
  VARIANTS,
} from './options.ts';
import { doubled, foreignOptions, type Rule } from './rule.ts';

const modelOptions: Rule = {
  reads: ['model'],
  check: ({ model }) =>
    foreignOptions(['model', 'options'], model.options, Object.keys(MODEL_OPTIONS[model.name]), `network ${model.name}`),
};

const ownVariant: Rule = {
  reads: ['model'],
  check: ({ model: { name, options } }) => {
    const variants = VARIANTS[name];
    if (options.variant === undefined || variants === undefined || variants.includes(options.variant)) return [];
    const message = `network ${name} has no variant ${options.variant}`;
    return [{ path: ['model', 'options', 'variant'], message, fix: `Write ${variants.join(', ')}.` }];
  },
};

const inputSize: Rule = {
  reads: ['model', 'input.size'],
  check: ({ model, input }) => {
    const multiple = sizeMultiple(model);
    if (input.size === AUTO || input.size % multiple === 0) return [];
    const below = Math.max(multiple, input.size - (input.size % multiple));
    const nearest = [...new Set([below, input.size - (input.size % multiple) + multiple])].join(' or ');
    const depth = model.name === 'SlimUNet' ? ` of depth ${model.options.depth ?? 5}` : '';
    const message = `must be a multiple of ${multiple} for network ${model.name}${depth}, is ${input.size}`;
    return [{ path: ['input', 'size'], message, fix: `Write ${nearest}.` }];
  },
};

const augmentationOptions: Rule = {
  reads: ['augmentations'],
  check: ({ augmentations }) =>
    augmentations.flatMap(({ name, probability: _, ...options }, index) =>
      foreignOptions(['augmentations', index], options, Object.keys(AUGMENTATION_OPTIONS[name]), `augmentation ${name}`),
    ),
};

const augmentationRange: Rule = {
  reads: ['augmentations'],
  check: ({ augmentations }) =>
    augmentations.flatMap((entry, index): Finding[] => {
      const name = AUGMENTATION_RANGES.find((known) => known === entry.name);
      if (name === undefined) return [];
      const low = entry.low ?? AUGMENTATION_OPTIONS[name].low ?? 0;
      const high = entry.high ?? AUGMENTATION_OPTIONS[name].high ?? 0;
      if (low <= high) return [];
      const at = entry.low === undefined ? 'high' : 'low';
      return [{ path: ['augmentations', index, at], message: `low (${low}) lies above high (${high})`, fix: 'Let low be at most high.' }];
    }),
};

const augmentationLeast: Rule = {
  reads: ['augmentations'],
  check: ({ augmentations }) =>
    augmentations.flatMap((entry, index): Finding[] =>
      AUGMENTATION_LEAST.filter(({ name, option, least }) => name === entry.name && (entry[option] ?? least) < least).map(
        ({ name, option, least, why }) => ({
          path: ['augmentations', index, option],
          message: `must be at least ${least} for augmentation ${name}: ${why}`,
          fix: `Write ${least} or more.`,
        }),
      ),
    ),
};

const validationHappens: Rule = {
  reads: ['training.validateEvery', 'training.epochs'],
  check: ({ training }) =>
    training.validateEvery <= training.epochs
      ? []
      : [
          {
            path: ['training', 'validateEvery'],
            message: `no epoch would be validated: ${training.validateEvery} is more than training.epochs, ${training.epochs}`,
            fix: `Write at most ${training.epochs}.`,
          },
        ],
};

const ttaOnce: Rule = { reads: ['inference.tta'], check: ({ inference }) => doubled(['inference', 'tta'], inference.tta, 'view') };

/** What is wrong with the steps of a window, or with the sheet that it is cut from. Paths begin at its own fields. */
export function windowFindings({ size, stride, sheetSize = 2 * size }: NonNullable<InferenceSpec['window']>): readonly Finding[] {
  const findings: Finding[] = [];
  if (stride > size) {
    const gap = `steps of ${stride} leave gaps between windows of ${size}`;
    findings.push({ path: ['stride'], message: gap, fix: `Write at most ${size}; half of it is usual.` });
  }
  if (size > sheetSize) {
    const larger = `a window of ${size} px is larger than the sheet of ${sheetSize} px it is cut from`;
    const fix = `Write at most ${sheetSize}, or leave sheetSize out: twice the window is taken.`;
    findings.push({ path: ['size'], message: larger, fix });
  }
  return findings;
}

const windowFits: Rule = {
  reads: ['inference.window', 'model'],
  check: ({ inference: { window }, model }) => {
    if (window === undefined) return [];
    const multiple = sizeMultiple(model);
    const message = `must be a multiple of ${multiple} for network ${model.name}, is ${window.size}`;
    const odd = { path: ['size'], message, fix: `Write a multiple of ${multiple}.` };
    const findings = [...(window.size % multiple === 0 ? [] : [odd]), ...windowFindings(window)];
    return findings.map((finding) => ({ ...finding, path: ['inference', 'window', ...finding.path] }));
  },
};

const pretrainedEncoder: Rule = {
  reads: ['model'],
  check: ({ model: { name, pretrained } }) => {
    if (pretrained === undefined || PRETRAINED_ENCODERS.includes(name)) return [];
    const fix = `Take it out; ${PRETRAINED_ENCODERS.join(', ')} take pretrained weights.`;
    return [{ path: ['model', 'pretrained'], message: `network ${name} has no encoder that takes pretrained weights`, fix }];
  },
};

export const LEARNING_RULES: readonly Rule[] = [
  modelOptions,
  ownVariant,
  inputSize,
  augmentationOptions,
  augmentationRange,
  augmentationLeast,
  validationHappens,
  ttaOnce,
  windowFits,
  pretrainedEncoder,
];
