/** The rules of configs/schema/running-rules.ts in CEL. Only whether a class list exists is left to the operator: its image holds them. */
import { DURATION_PATTERN } from '../duration.ts';
import { QUANTITY_PATTERN } from '../quantity.ts';
import { type CelRule, type CelRules, digits, either, literal, once, says } from '../rules/cel.ts';
import { NAME_MAX_LENGTH } from '../schema/experiment.ts';

const YEAR_MS = 365 * 86_400_000;

/** Child names are made of it, and it is a label's value: no dots, unlike names of other objects. */
const name: CelRule = {
  rule: `self.metadata.name.size() <= ${NAME_MAX_LENGTH} && self.metadata.name.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')`,
  message: `must be at most ${NAME_MAX_LENGTH} lower-case letters, digits and "-", beginning and ending with a letter or digit. Write a shorter or plainer name.`,
  fieldPath: '.metadata.name',
};

const datasetKind: CelRule = {
  rule: "!self.matches('^[A-Za-z][A-Za-z0-9+.-]*://') || self.matches('^(?i:file|s3)://')",
  message: 'such data sets are not offered. Write the path of a folder, file:///path or s3://bucket/prefix.',
  messageExpression: says`${"self.substring(0, self.indexOf('://')).lowerAscii()"}:// data sets are not offered. Write the path of a folder, file:///path or s3://bucket/prefix.`,
};

const SPLIT = 'self.dataset.split.folds';

const foldsExist: CelRule = {
  rule: `self.run.folds.all(fold, fold < ${SPLIT})`,
  message: 'names a fold that dataset.split.folds has not. Write smaller numbers, or raise dataset.split.folds.',
  messageExpression: says`names a fold that is not there: dataset.split.folds is ${digits(SPLIT, 99)}. Write 0 to ${digits(`(${SPLIT} - 1)`, 99)}, or raise dataset.split.folds.`,
  fieldPath: '.run.folds',
};

/** Text of another form is told by another rule. */
const ofForm = (pattern: RegExp, rule: string): string => `!self.matches(${literal(pattern.source)}) || ${rule}`;

const part = (unit: string, ms: number, otherwise: string): string =>
  either(`x.endsWith('${unit}')`, `int(x.replace('${unit}', '')) * ${ms}`, otherwise);
const partMs = part('ms', 1, part('s', 1000, part('m', 60_000, part('h', 3_600_000, part('d', 86_400_000, '0')))));

const withinYear: CelRule = {
  rule: ofForm(DURATION_PATTERN, `self.findAll('[0-9]+(ms|s|m|h|d)').map(x, ${partMs}).sum() <= ${YEAR_MS}`),
  message: 'is more than a year. Write at most 365d.',
  messageExpression: says`${'self'} is more than a year. Write at most 365d.`,
};

const notNothing: CelRule = {
  rule: ofForm(DURATION_PATTERN, "self.matches('[1-9]')"),
  message: 'must be longer than nothing. Write a duration such as 2h.',
};

const cpu: CelRule = {
  rule: ofForm(QUANTITY_PATTERN, "self.matches('[1-9]')"),
  message: 'must be more than 0 cores. Write a quantity such as "7" or "500m".',
};

const memory: CelRule = {
  rule: ofForm(QUANTITY_PATTERN, "quantity(self).compareTo(quantity('256Mi')) >= 0"),
  message: 'is less than 256Mi. Write a quantity such as 48Gi.',
  messageExpression: says`${'self'} is less than 256Mi (the unit m means thousandths of a byte). Write a quantity such as 48Gi.`,
};

const LABEL_KEY = '^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$';
const LABEL_VALUE = '^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$';
const AS_PRINTED = 'Write it as kubectl get nodes --show-labels prints it.';

const labelKeys: CelRule = {
  rule: `self.all(key, key.matches('${LABEL_KEY}'))`,
  message: `holds a label name that Kubernetes does not allow. ${AS_PRINTED}`,
  messageExpression: says`"${`self.filter(key, !key.matches('${LABEL_KEY}'))[0]`}" is not a label name that Kubernetes allows. ${literal(AS_PRINTED)}`,
};

const labelValues: CelRule = {
  rule: `self.all(key, self[key].matches('${LABEL_VALUE}'))`,
  message: `holds a label value that Kubernetes does not allow. ${AS_PRINTED}`,
  messageExpression: says`"${`self[self.filter(key, !self[key].matches('${LABEL_VALUE}'))[0]]`}" is not a label value that Kubernetes allows. ${literal(AS_PRINTED)}`,
};

const existsHasNoValue: CelRule = {
  rule: "!has(self.operator) || self.operator != 'Exists' || !has(self.value) || self.value == ''",
  message: 'has no meaning with operator Exists. Take the value out, or write operator: Equal.',
  fieldPath: '.value',
};

const keyOrExists: CelRule = {
  rule: "(has(self.key) && self.key != '') || (has(self.operator) && self.operator == 'Exists')",
  message: 'Name the taint, or write operator: Exists to tolerate every one.',
  fieldPath: '.key',
  reason: 'FieldValueRequired',
};

const secondsNeedNoExecute: CelRule = {
  rule: "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
  message: 'has a meaning only with effect NoExecute. Take it out, or write effect: NoExecute.',
  fieldPath: '.tolerationSeconds',
};

export const RUNNING_CEL: CelRules = {
  '': [name],
  spec: [foldsExist],
  'spec.dataset.uri': [datasetKind],
  'spec.run.folds': [once('fold', (entry) => entry)],
  'spec.run.startDeadline': [notNothing, withinYear],
  'spec.run.foldDeadline': [notNothing, withinYear],
  'spec.run.ttlAfterFinished': [withinYear],
  'spec.placement.cpu': [cpu],
  'spec.placement.memory': [memory],
  'spec.placement.nodeSelector': [labelKeys, labelValues],
  'spec.placement.tolerations[]': [existsHasNoValue, keyOrExists, secondsNeedNoExecute],
};
