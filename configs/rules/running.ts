/** Rules for name, data set, run and placement. */
import { digits, either, literal } from '../cel.ts';
import { uriScheme } from '../dataset-folder.ts';
import { DURATION_PATTERN, durationMs } from '../duration.ts';
import { QUANTITY_PATTERN, quantityValue } from '../quantity.ts';
import { NAME_MAX_LENGTH } from '../schema/experiment.ts';
import { DNS_LABEL } from '../schema/fields.ts';
import { type Rule, rule, unless } from './rule.ts';
import { distinct } from './shared.ts';

/** The name is a part of Job names and the value of a label. Unlike the names of other objects, it has no dots. */
const name = rule({
  at: '',
  field: 'metadata.name',
  message: `must be at most ${NAME_MAX_LENGTH} ${DNS_LABEL.form}`,
  fix: 'Write a shorter or simpler name.',
  check: { omitted: 'the zod schema of metadata.name checks it; a CRD cannot restrict metadata by its schema' },
  cel: {
    rule: `self.metadata.name.size() <= ${NAME_MAX_LENGTH} && self.metadata.name.matches(${literal(DNS_LABEL.pattern.source)})`,
  },
});

const datasetKind = rule({
  at: 'spec.dataset.uri',
  message: '{scheme}:// data sets are not supported',
  fix: 'Write the path of a folder, file:///path or s3://bucket/prefix.',
  check: (uri) => {
    const scheme = uriScheme(uri) ?? 'file';
    return unless(scheme === 'file' || scheme === 's3', { scheme });
  },
  cel: {
    rule: "!self.matches('^[A-Za-z][A-Za-z0-9+.-]*://') || self.matches('^(?i:file|s3)://')",
    values: { scheme: "self.substring(0, self.indexOf('://')).lowerAscii()" },
  },
});

const classesKnown = rule({
  at: 'spec.dataset.classes',
  message: 'there is no class list "{name}"',
  fix: 'Write one of {known}.',
  check: (classes, { classLists }) => unless(classLists.includes(classes), { name: classes, known: classLists.join(', ') }),
  cel: { omitted: 'the class lists are files of carpal; the API server does not have them' },
});

const SPLIT = 'self.dataset.split.folds';

const foldsExist = rule({
  at: 'spec',
  field: 'run.folds',
  reads: ['run.folds', 'dataset.split.folds'],
  message: 'fold {fold} does not exist: dataset.split.folds is {folds}',
  fix: 'Write 0 to {last}, or raise dataset.split.folds.',
  check: ({ run, dataset: { split } }) =>
    run.folds.flatMap((fold, index) => unless(fold < split.folds, { fold, folds: split.folds, last: split.folds - 1 }, [index])),
  cel: {
    rule: `self.run.folds.all(fold, fold < ${SPLIT})`,
    values: {
      fold: digits(`self.run.folds.filter(fold, fold >= ${SPLIT})[0]`, 99),
      folds: digits(SPLIT, 99),
      last: digits(`(${SPLIT} - 1)`, 99),
    },
  },
});

/**
 * The server evaluates all rules. Text that does not match the pattern of its field must pass this rule, because another rule reports it.
 */
const ifMatching = (pattern: RegExp, condition: string): string => `!self.matches(${literal(pattern.source)}) || ${condition}`;

const YEAR_MS = durationMs('365d');
const part = (unit: string, ms: number, otherwise: string): string =>
  either(`x.endsWith('${unit}')`, `int(x.replace('${unit}', '')) * ${ms}`, otherwise);
const CEL_PART_MS = part('ms', 1, part('s', 1000, part('m', 60_000, part('h', 3_600_000, part('d', 86_400_000, '0')))));

const DEADLINES = ['startDeadline', 'capacityDeadline', 'foldDeadline', 'stageDeadline', 'stallTimeout'] as const;

const withinYear = ([...DEADLINES, 'ttlAfterFinished'] as const).map((field) =>
  rule({
    at: `spec.run.${field}`,
    message: '{duration} is more than a year',
    fix: 'Write at most 365d.',
    check: (duration) => unless(durationMs(duration) <= YEAR_MS, { duration }),
    cel: {
      rule: ifMatching(DURATION_PATTERN, `self.findAll('[0-9]+(ms|s|m|h|d)').map(x, ${CEL_PART_MS}).sum() <= ${YEAR_MS}`),
      values: { duration: 'self' },
    },
  }),
);

const notZero = DEADLINES.map((field) =>
  rule({
    at: `spec.run.${field}`,
    message: 'must be longer than 0s',
    fix: 'Write a duration such as 2h.',
    check: (duration) => unless(durationMs(duration) > 0),
    cel: { rule: ifMatching(DURATION_PATTERN, "self.matches('[1-9]')") },
  }),
);

/** The default placement and the ones of single stages. */
const PLACEMENTS = ['spec.placement', 'spec.placement.prepare', 'spec.placement.ensemble'] as const;

const LEAST_SIZE = '256Mi';

const resources = PLACEMENTS.flatMap((placement): Rule[] => [
  rule({
    at: `${placement}.cpu`,
    message: 'must be more than 0 cores',
    fix: 'Write a quantity such as "7" or "500m".',
    check: (quantity) => unless(quantityValue(quantity) > 0),
    cel: { rule: ifMatching(QUANTITY_PATTERN, "self.matches('[1-9]')") },
  }),
  ...(['memory', 'ephemeralStorage'] as const).map((field) =>
    rule({
      at: `${placement}.${field}`,
      message: `{quantity} is less than ${LEAST_SIZE} (the unit m means 1/1000 of a byte)`,
      fix: `Write a quantity such as ${field === 'memory' ? '48Gi' : '10Gi'}.`,
      check: (quantity) => unless(quantityValue(quantity) >= quantityValue(LEAST_SIZE), { quantity }),
      cel: {
        rule: ifMatching(QUANTITY_PATTERN, `quantity(self).compareTo(quantity('${LEAST_SIZE}')) >= 0`),
        values: { quantity: 'self' },
      },
    }),
  ),
]);

const LABEL_KEY = '^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$';
const LABEL_VALUE = '^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$';
const isLabelKey = (key: string): boolean => new RegExp(LABEL_KEY).test(key);
const isLabelValue = (value: string): boolean => new RegExp(LABEL_VALUE).test(value);
const AS_PRINTED = 'Write it as kubectl get nodes --show-labels prints it.';

const nodeLabels = PLACEMENTS.flatMap((placement): Rule[] => [
  rule({
    at: `${placement}.nodeSelector`,
    message: '"{key}" is not a valid label key of Kubernetes',
    fix: AS_PRINTED,
    check: (labels) => Object.keys(labels).flatMap((key) => unless(isLabelKey(key), { key }, [key])),
    cel: {
      rule: `self.all(key, key.matches(${literal(LABEL_KEY)}))`,
      values: { key: `self.filter(key, !key.matches(${literal(LABEL_KEY)}))[0]` },
    },
  }),
  rule({
    at: `${placement}.nodeSelector`,
    message: '"{value}" is not a valid label value of Kubernetes',
    fix: AS_PRINTED,
    check: (labels) => Object.entries(labels).flatMap(([key, value]) => unless(isLabelValue(value), { value }, [key])),
    cel: {
      rule: `self.all(key, self[key].matches(${literal(LABEL_VALUE)}))`,
      values: { value: `self[self.filter(key, !self[key].matches(${literal(LABEL_VALUE)}))[0]]` },
    },
  }),
]);

const tolerations = PLACEMENTS.flatMap((placement): Rule[] => [
  rule({
    at: `${placement}.tolerations[]`,
    field: 'key',
    message: 'is required unless operator is Exists',
    fix: 'Write the key of the taint, or operator: Exists to tolerate every taint.',
    reason: 'FieldValueRequired',
    check: ({ operator, key = '' }) => unless(key !== '' || operator === 'Exists'),
    cel: { rule: "(has(self.key) && self.key != '') || (has(self.operator) && self.operator == 'Exists')" },
  }),
  rule({
    at: `${placement}.tolerations[]`,
    field: 'value',
    message: 'has no meaning with operator Exists',
    fix: 'Remove the value, or write operator: Equal.',
    check: ({ operator, value = '' }) => unless(operator !== 'Exists' || value === ''),
    cel: { rule: "!has(self.operator) || self.operator != 'Exists' || !has(self.value) || self.value == ''" },
  }),
  rule({
    at: `${placement}.tolerations[]`,
    field: 'tolerationSeconds',
    message: 'is only used with effect NoExecute',
    fix: 'Remove it, or write effect: NoExecute.',
    check: ({ effect, tolerationSeconds }) => unless(tolerationSeconds === undefined || effect === 'NoExecute'),
    cel: { rule: "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')" },
  }),
]);

export const RUNNING_RULES: readonly Rule[] = [
  name,
  datasetKind,
  classesKnown,
  distinct({ at: 'spec.run.folds', what: 'fold', asText: (fold) => digits(fold, 99) }),
  foldsExist,
  ...notZero,
  ...withinYear,
  ...resources,
  ...nodeLabels,
  ...tolerations,
];
