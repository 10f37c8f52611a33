/** Rules between the fields of loss, optimizer, schedule and the supervision of heads. */
import type { Finding } from '../finding.ts';
import { HEADS, LOSS_OPTIONS, NEEDED_OPTIONS, OPTIMIZER_OPTIONS, SCHEDULER_OPTIONS, SIDE_HEADS } from './objective-options.ts';
import { doubled, foreignOptions, type Rule } from './rule.ts';

const lossOptions: Rule = {
  reads: ['loss'],
  check: ({ loss }) =>
    loss.flatMap(({ name, weight: _, ...options }, index) =>
      foreignOptions(['loss', index], options, Object.keys(LOSS_OPTIONS[name]), `loss ${name}`),
    ),
};

const lossesOnce: Rule = {
  reads: ['loss'],
  check: ({ loss }) =>
    doubled(
      ['loss'],
      loss.map(({ name }) => name),
      'loss',
    ),
};

const optimizerOptions: Rule = {
  reads: ['optimizer'],
  check: ({ optimizer: { name, options } }) =>
    foreignOptions(['optimizer', 'options'], options, Object.keys(OPTIMIZER_OPTIONS[name]), `optimizer ${name}`),
};

const schedulerOptions: Rule = {
  reads: ['scheduler'],
  check: ({ scheduler: { name, options } }) => {
    const path = ['scheduler', 'options'];
    const missing = NEEDED_OPTIONS.filter(({ option, of }) => (of as readonly string[]).includes(name) && options[option] === undefined);
    return [
      ...foreignOptions(path, options, Object.keys(SCHEDULER_OPTIONS[name]), `scheduler ${name}`),
      ...missing.map(({ option, add }) => ({
        path: [...path, option],
        message: `is missing: scheduler ${name} needs it`,
        fix: `Add ${add}.`,
      })),
    ];
  },
};

/** The length of the training as a schedule sees it, in words. */
function lengthText(epochs: number, warmupEpochs = 0): string {
  return `training.epochs is ${epochs}${warmupEpochs > 0 ? `, ${warmupEpochs} of them warm-up` : ''}`;
}

const milestonesRise: Rule = {
  reads: ['scheduler', 'training.epochs'],
  check: ({ scheduler: { options }, training }) => {
    const { milestones = [], warmupEpochs = 0 } = options;
    return milestones.flatMap((epoch, index): Finding[] => {
      const path = ['scheduler', 'options', 'milestones', index];
      const before = milestones[index - 1];
      if (before !== undefined && epoch <= before) {
        return [{ path, message: `epoch ${epoch} does not come after ${before}`, fix: 'Write the epochs in rising order, each once.' }];
      }
      if (warmupEpochs + epoch < training.epochs) return [];
      const message = `epoch ${epoch} is never followed by another: ${lengthText(training.epochs, warmupEpochs)}`;
      return [{ path, message, fix: 'Write an earlier epoch or train longer.' }];
    });
  },
};

const warmup: Rule = {
  reads: ['scheduler.options.warmupEpochs', 'training.epochs'],
  check: ({ scheduler: { options }, training }) =>
    (options.warmupEpochs ?? 0) < training.epochs
      ? []
      : [
          {
            path: ['scheduler', 'options', 'warmupEpochs'],
            message: `the warm-up of ${options.warmupEpochs} epochs never ends: training.epochs is ${training.epochs}`,
            fix: 'Write fewer epochs of warm-up than of training.',
          },
        ],
};

const cycles: Rule = {
  reads: ['scheduler', 'training.epochs'],
  check: ({ scheduler: { options }, training }) => {
    const { cycleEpochs, cycleWarmupEpochs = 0, warmupEpochs = 0 } = options;
    const findings: Finding[] = [];
    if (cycleEpochs !== undefined && cycleEpochs + warmupEpochs > training.epochs) {
      const message = `the first cycle of ${cycleEpochs} epochs never ends: ${lengthText(training.epochs, warmupEpochs)}`;
      findings.push({ path: ['scheduler', 'options', 'cycleEpochs'], message, fix: 'Write fewer epochs or train longer.' });
    }
    if (cycleEpochs !== undefined && cycleWarmupEpochs >= cycleEpochs) {
      const message = `a cycle of ${cycleEpochs} epochs would only climb, for ${cycleWarmupEpochs}`;
      findings.push({ path: ['scheduler', 'options', 'cycleWarmupEpochs'], message, fix: 'Write less than cycleEpochs.' });
    }
    return findings;
  },
};

const learningRateFloor: Rule = {
  reads: ['scheduler.options.minLearningRate', 'optimizer.learningRate'],
  check: ({ scheduler: { options }, optimizer }) =>
    (options.minLearningRate ?? 0) <= optimizer.learningRate
      ? []
      : [
          {
            path: ['scheduler', 'options', 'minLearningRate'],
            message: `${options.minLearningRate} lies above optimizer.learningRate, ${optimizer.learningRate}`,
            fix: 'Write a smaller number, or raise optimizer.learningRate.',
          },
        ],
};

const sideHeads: Rule = {
  reads: ['model', 'training.deepSupervision'],
  check: ({ model: { name }, training }) => {
    if (!training.deepSupervision || SIDE_HEADS.includes(name)) return [];
    const fix = `Write false or take it out; ${SIDE_HEADS.join(' and ')} have side heads.`;
    return [{ path: ['training', 'deepSupervision'], message: `network ${name} has no side heads to supervise`, fix }];
  },
};

const headWeights: Rule = {
  reads: ['model', 'training.deepSupervision', 'training.headWeights'],
  check: ({ model: { name }, training }) => {
    const { deepSupervision, headWeights: weights } = training;
    const path = ['training', 'headWeights'];
    if (weights === undefined) return [];
    if (!deepSupervision) {
      return [{ path, message: 'has a meaning only with training.deepSupervision', fix: 'Take it out, or write deepSupervision: true.' }];
    }
    const heads = HEADS[name] ?? weights.length;
    if (weights.length === heads) return [];
    const message = `has ${weights.length} weights, but network ${name} has ${heads} heads`;
    return [{ path, message, fix: `Write ${heads} weights, the one of the answer first.` }];
  },
};

export const OBJECTIVE_RULES: readonly Rule[] = [
  lossOptions,
  lossesOnce,
  optimizerOptions,
  schedulerOptions,
  milestonesRise,
  warmup,
  cycles,
  learningRateFloor,
  sideHeads,
  headWeights,
];
