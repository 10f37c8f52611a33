/** The rules of configs/schema/objective-rules.ts in CEL. */

import { type CelRule, type CelRules, digits, either, literal, once, says, valueOr } from '../rules/cel.ts';
import { HEADS, LOSS_OPTIONS, NEEDED_OPTIONS, OPTIMIZER_OPTIONS, SCHEDULER_OPTIONS, SIDE_HEADS } from '../schema/objective-options.ts';
import { ownOptions } from './own-options.ts';

const needed: readonly CelRule[] = NEEDED_OPTIONS.map(({ option, of, add }) => ({
  rule: `!(self.name in ${literal([...of])}) || has(self.options.${option})`,
  message: `scheduler ${of.join(' or ')} needs it. Add ${add}.`,
  messageExpression: says`scheduler ${'self.name'} needs it. ${literal(`Add ${add}.`)}`,
  fieldPath: `.options.${option}`,
  reason: 'FieldValueRequired',
}));

const OPTIONS = 'self.scheduler.options';
const MILESTONES = `${OPTIONS}.milestones`;
const WARM_UP = valueOr(`${OPTIONS}.warmupEpochs`, '0');
const EPOCHS = digits('self.training.epochs', 99_999);

const milestonesRise: CelRule = {
  rule: `!has(${MILESTONES}) || (${MILESTONES}.isSorted() && ${MILESTONES}.all(x, ${MILESTONES}.exists_one(y, y == x)))`,
  message: 'the epochs do not rise. Write them in rising order, each once.',
  fieldPath: '.scheduler.options.milestones',
};

const milestonesInTime: CelRule = {
  rule: `!has(${MILESTONES}) || ${MILESTONES}.all(x, x + ${WARM_UP} < self.training.epochs)`,
  message: 'an epoch is never followed by another. Write earlier epochs or train longer.',
  messageExpression: says`an epoch is never followed by another: training.epochs is ${EPOCHS}. Write earlier epochs or train longer.`,
  fieldPath: '.scheduler.options.milestones',
};

const warmup: CelRule = {
  rule: `${WARM_UP} < self.training.epochs`,
  message: 'the warm-up never ends. Write fewer epochs of warm-up than of training.',
  messageExpression: says`the warm-up of ${digits('self.scheduler.options.warmupEpochs', 99_999)} epochs never ends: training.epochs is ${EPOCHS}. Write fewer epochs of warm-up than of training.`,
  fieldPath: '.scheduler.options.warmupEpochs',
};

const firstCycle: CelRule = {
  rule: `!has(${OPTIONS}.cycleEpochs) || ${OPTIONS}.cycleEpochs + ${WARM_UP} <= self.training.epochs`,
  message: 'the first cycle never ends. Write fewer epochs or train longer.',
  messageExpression: says`the first cycle of ${digits(`${OPTIONS}.cycleEpochs`, 99_999)} epochs never ends: training.epochs is ${EPOCHS}. Write fewer epochs or train longer.`,
  fieldPath: '.scheduler.options.cycleEpochs',
};

const cycleWarmup: CelRule = {
  rule: `!has(self.options.cycleEpochs) || ${valueOr('self.options.cycleWarmupEpochs', '0')} < self.options.cycleEpochs`,
  message: 'a cycle would only climb. Write less than cycleEpochs.',
  fieldPath: '.options.cycleWarmupEpochs',
};

const learningRateFloor: CelRule = {
  rule: `${valueOr('self.scheduler.options.minLearningRate', '0.0')} <= self.optimizer.learningRate`,
  message: 'lies above optimizer.learningRate. Write a smaller number, or raise optimizer.learningRate.',
  fieldPath: '.scheduler.options.minLearningRate',
};

const sideHeads: CelRule = {
  rule: `!self.training.deepSupervision || self.model.name in ${literal(SIDE_HEADS)}`,
  message: 'the network has no side heads to supervise. Write false or take it out.',
  messageExpression: says`network ${'self.model.name'} has no side heads to supervise. Write false or take it out; ${literal(SIDE_HEADS.join(' and '))} have side heads.`,
  fieldPath: '.training.deepSupervision',
};

const WEIGHTS = 'self.training.headWeights';
const HEADS_OF_MODEL = Object.entries(HEADS).reduce(
  (otherwise, [name, heads]) => either(`self.model.name == '${name}'`, String(heads), otherwise),
  `size(${WEIGHTS})`,
);

const headWeights: CelRule = {
  rule: `!has(${WEIGHTS}) || !self.training.deepSupervision || size(${WEIGHTS}) == ${HEADS_OF_MODEL}`,
  message: 'the network has another number of heads. Write a weight for each, the one of the answer first.',
  messageExpression: says`network ${'self.model.name'} has ${digits(HEADS_OF_MODEL, 9)} heads. Write as many weights, the one of the answer first.`,
  fieldPath: '.training.headWeights',
};

const headWeightsNeedHeads: CelRule = {
  rule: '!has(self.headWeights) || self.deepSupervision',
  message: 'has a meaning only with training.deepSupervision. Take it out, or write deepSupervision: true.',
  fieldPath: '.headWeights',
  reason: 'FieldValueForbidden',
};

export const OBJECTIVE_CEL: CelRules = {
  spec: [milestonesRise, milestonesInTime, warmup, firstCycle, learningRateFloor, sideHeads, headWeights],
  'spec.loss': [once('loss', (entry) => `${entry}.name`)],
  'spec.loss[]': ownOptions(LOSS_OPTIONS, 'loss', ''),
  'spec.optimizer': ownOptions(OPTIMIZER_OPTIONS, 'optimizer', '.options'),
  'spec.scheduler': [...ownOptions(SCHEDULER_OPTIONS, 'scheduler', '.options'), ...needed, cycleWarmup],
  'spec.training': [headWeightsNeedHeads],
};
