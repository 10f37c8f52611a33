/** Rules for loss, optimizer, scheduler and the supervision of side heads. */
import { celText, digits, either, literal, valueOr } from '../cel.ts';
import { LOSS_NAMES, optimizerSchema } from '../schema/learning.ts';
import { HEADS, LOSS_OPTIONS, NEEDED_OPTIONS, OPTIMIZER_OPTIONS, SCHEDULER_OPTIONS, SIDE_HEADS } from '../schema/options.ts';
import { type Rule, rule, unless } from './rule.ts';
import { distinct, ownOptions } from './shared.ts';

const epochsText = (value: string): string => digits(value, 99_999);

const OPTIONS = 'self.scheduler.options';
const MILESTONES = `${OPTIONS}.milestones`;
const WARM_UP = valueOr(`${OPTIONS}.warmupEpochs`, '0');
const EPOCHS = epochsText('self.training.epochs');

/** The length of the training as the scheduler sees it. */
const lengthText = (epochs: number, warmup: number): string => (warmup > 0 ? `${epochs}, ${warmup} of them warm-up` : `${epochs}`);
const CEL_LENGTH = celText('{epochs}{warmup}', {
  epochs: EPOCHS,
  warmup: either(`${WARM_UP} > 0`, celText(', {warmup} of them warm-up', { warmup: epochsText(WARM_UP) }), "''"),
});

const neededOptions = NEEDED_OPTIONS.map(({ option, of, add }) =>
  rule({
    at: 'spec.scheduler',
    field: `options.${option}`,
    message: 'is required by scheduler {name}',
    fix: `Add ${add}.`,
    reason: 'FieldValueRequired',
    check: ({ name, options }) => unless(!of.some((owner) => owner === name) || options[option] !== undefined, { name }),
    cel: { rule: `!(self.name in ${literal([...of])}) || has(self.options.${option})`, values: { name: 'self.name' } },
  }),
);

const milestonesRise = rule({
  at: 'spec',
  field: 'scheduler.options.milestones',
  reads: ['scheduler'],
  message: 'milestones must increase',
  fix: 'Write the epochs in increasing order, each once.',
  check: ({ scheduler: { options } }) => {
    const { milestones = [] } = options;
    return milestones.flatMap((epoch, index) => unless(epoch > (milestones[index - 1] ?? 0), {}, [index]));
  },
  cel: { rule: `!has(${MILESTONES}) || (${MILESTONES}.isSorted() && ${MILESTONES}.all(x, ${MILESTONES}.exists_one(y, y == x)))` },
});

const milestonesInTime = rule({
  at: 'spec',
  field: 'scheduler.options.milestones',
  reads: ['scheduler', 'training.epochs'],
  message: 'no epoch follows milestone {epoch}: training.epochs is {length}',
  fix: 'Write an earlier epoch, or train longer.',
  check: ({ scheduler: { options }, training: { epochs } }) => {
    const { milestones = [], warmupEpochs = 0 } = options;
    const length = lengthText(epochs, warmupEpochs);
    return milestones.flatMap((epoch, index) => unless(epoch + warmupEpochs < epochs, { epoch, length }, [index]));
  },
  cel: {
    rule: `!has(${MILESTONES}) || ${MILESTONES}.all(x, x + ${WARM_UP} < self.training.epochs)`,
    values: {
      epoch: epochsText(`${MILESTONES}.filter(x, x + ${WARM_UP} >= self.training.epochs)[0]`),
      length: CEL_LENGTH,
    },
  },
});

const warmupEnds = rule({
  at: 'spec',
  field: 'scheduler.options.warmupEpochs',
  reads: ['scheduler.options.warmupEpochs', 'training.epochs'],
  message: 'a warm-up of {warmup} epochs never ends: training.epochs is {epochs}',
  fix: 'Write less than training.epochs.',
  check: ({ scheduler: { options }, training: { epochs } }) => {
    const warmup = options.warmupEpochs ?? 0;
    return unless(warmup < epochs, { warmup, epochs });
  },
  cel: { rule: `${WARM_UP} < self.training.epochs`, values: { warmup: epochsText(`${OPTIONS}.warmupEpochs`), epochs: EPOCHS } },
});

const firstCycleEnds = rule({
  at: 'spec',
  field: 'scheduler.options.cycleEpochs',
  reads: ['scheduler', 'training.epochs'],
  message: 'a first cycle of {cycle} epochs never ends: training.epochs is {length}',
  fix: 'Write fewer epochs, or train longer.',
  check: ({ scheduler: { options }, training: { epochs } }) => {
    const { cycleEpochs: cycle = 0, warmupEpochs = 0 } = options;
    return unless(cycle === 0 || cycle + warmupEpochs <= epochs, { cycle, length: lengthText(epochs, warmupEpochs) });
  },
  cel: {
    rule: `!has(${OPTIONS}.cycleEpochs) || ${OPTIONS}.cycleEpochs + ${WARM_UP} <= self.training.epochs`,
    values: { cycle: epochsText(`${OPTIONS}.cycleEpochs`), length: CEL_LENGTH },
  },
});

const cycleDescends = rule({
  at: 'spec.scheduler',
  field: 'options.cycleWarmupEpochs',
  message: 'a cycle of {cycle} epochs would be all warm-up ({warmup} epochs)',
  fix: 'Write less than cycleEpochs.',
  check: ({ options: { cycleEpochs: cycle, cycleWarmupEpochs: warmup = 0 } }) =>
    cycle === undefined ? [] : unless(warmup < cycle, { cycle, warmup }),
  cel: {
    rule: `!has(self.options.cycleEpochs) || ${valueOr('self.options.cycleWarmupEpochs', '0')} < self.options.cycleEpochs`,
    values: { cycle: epochsText('self.options.cycleEpochs'), warmup: epochsText('self.options.cycleWarmupEpochs') },
  },
});

const learningRateFloor = rule({
  at: 'spec',
  field: 'scheduler.options.minLearningRate',
  reads: ['scheduler.options.minLearningRate', 'optimizer.learningRate'],
  // The message names no values, because CEL cannot format a fraction at an acceptable cost.
  message: `must be at most optimizer.learningRate, whose default is ${optimizerSchema.parse({}).learningRate}`,
  fix: 'Write a smaller number, or raise optimizer.learningRate.',
  check: ({ scheduler: { options }, optimizer }) => unless((options.minLearningRate ?? 0) <= optimizer.learningRate),
  cel: { rule: `${valueOr(`${OPTIONS}.minLearningRate`, '0.0')} <= self.optimizer.learningRate` },
});

const sideHeads = rule({
  at: 'spec',
  field: 'training.deepSupervision',
  reads: ['model', 'training.deepSupervision'],
  message: 'network {name} has no side heads to supervise',
  fix: `Write false or remove it; ${SIDE_HEADS.join(' and ')} have side heads.`,
  check: ({ model: { name }, training }) => unless(!training.deepSupervision || SIDE_HEADS.includes(name), { name }),
  cel: {
    rule: `!self.training.deepSupervision || self.model.name in ${literal(SIDE_HEADS)}`,
    values: { name: 'self.model.name' },
  },
});

const WEIGHTS = 'self.training.headWeights';
const CEL_HEADS = Object.entries(HEADS).reduce(
  (otherwise, [name, heads]) => either(`self.model.name == '${name}'`, String(heads), otherwise),
  `size(${WEIGHTS})`,
);

const headWeightsMatch = rule({
  at: 'spec',
  field: 'training.headWeights',
  reads: ['model', 'training.deepSupervision', 'training.headWeights'],
  message: 'has {weights} weights, but network {name} has {heads} heads',
  fix: 'Write {heads} weights, the first for the main head.',
  check: ({ model: { name }, training: { deepSupervision, headWeights } }) => {
    if (headWeights === undefined || !deepSupervision) return [];
    const weights = headWeights.length;
    const heads = HEADS[name] ?? weights;
    return unless(weights === heads, { weights, name, heads });
  },
  cel: {
    rule: `!has(${WEIGHTS}) || !self.training.deepSupervision || size(${WEIGHTS}) == ${CEL_HEADS}`,
    values: { weights: digits(`size(${WEIGHTS})`, 9), name: 'self.model.name', heads: digits(CEL_HEADS, 9) },
  },
});

const headWeightsUsed = rule({
  at: 'spec.training',
  field: 'headWeights',
  reads: ['deepSupervision', 'headWeights'],
  message: 'is only used with training.deepSupervision',
  fix: 'Remove it, or write deepSupervision: true.',
  reason: 'FieldValueForbidden',
  check: ({ deepSupervision, headWeights }) => unless(headWeights === undefined || deepSupervision),
  cel: { rule: '!has(self.headWeights) || self.deepSupervision' },
});

export const OBJECTIVE_RULES: readonly Rule[] = [
  ...ownOptions({ table: LOSS_OPTIONS, what: 'loss', at: 'spec.loss[]' }),
  distinct({ at: 'spec.loss', what: 'loss', names: LOSS_NAMES }),
  ...ownOptions({ table: OPTIMIZER_OPTIONS, what: 'optimizer', at: 'spec.optimizer', options: 'options' }),
  ...ownOptions({ table: SCHEDULER_OPTIONS, what: 'scheduler', at: 'spec.scheduler', options: 'options' }),
  ...neededOptions,
  milestonesRise,
  milestonesInTime,
  warmupEnds,
  firstCycleEnds,
  cycleDescends,
  learningRateFloor,
  sideHeads,
  headWeightsMatch,
  headWeightsUsed,
];
