/**
 * What an update may not change: a comparison for `carpal run`, and transition rules for the API server. Writing a default explicitly is
 * not a change. The server fills in the fixed defaults itself, and its rules contain the defaults that depend on a name.
 */
import { isDeepStrictEqual } from 'node:util';
import { type CelRule, type CelRules, digits, either, literal, together, valueOr } from '../cel.ts';
import { ERRORS } from '../errors.ts';
import { type FieldPath, type Finding, show, startsWith } from '../finding.ts';
import { isRecord } from '../json.ts';
import type { ManifestSpec } from '../schema/experiment.ts';
import {
  AUGMENTATION_OPTIONS,
  completeSpec,
  LOSS_OPTIONS,
  MODEL_OPTIONS,
  OPTIMIZER_OPTIONS,
  type OptionTable,
  SCHEDULER_OPTIONS,
} from '../schema/options.ts';
import { type StructuralSchema, schemaAt } from '../schema/structural-schema.ts';
import { celRule, filled } from './rule.ts';

const CHANGED = 'cannot change once the experiment exists';
const CHANGED_VALUES = `${CHANGED}: was {from}, is {to}`;
const { fix } = ERRORS['manifest-immutable'];

/**
 * What an update of an experiment may change, below spec: everything that does not decide the weights. The next attempts use the new
 * values.
 */
export const MUTABLE: readonly FieldPath[] = [['run'], ['placement'], ['report'], ['inference'], ['ensemble']];
const FOLDS: FieldPath = ['run', 'folds'];

/** Whether an update may change the field at `path`, a path below spec. */
export function isMutable(path: FieldPath): boolean {
  return MUTABLE.some((start) => startsWith(path, start)) && !startsWith(path, FOLDS);
}

/** One finding for every changed field of spec that is not mutable. Also used when a run is resumed with an edited manifest. */
export function immutableChanges(before: ManifestSpec, after: ManifestSpec): Finding[] {
  return changedLeaves(completeSpec(before), completeSpec(after), [])
    .filter(({ path }) => !isMutable(path))
    .map(({ path, from, to }) => ({
      path: ['spec', ...path],
      message: filled(CHANGED_VALUES, { from: show(from), to: show(to) }),
      fix,
    }));
}

type Change = { path: FieldPath; from: unknown; to: unknown };

/** Lists are compared as a whole: a path within a list whose entries moved would mislead. */
function changedLeaves(from: unknown, to: unknown, path: FieldPath): Change[] {
  if (isDeepStrictEqual(from, to)) return [];
  if (!isRecord(from) || !isRecord(to)) return from === to ? [] : [{ path, from, to }];
  const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
  return [...keys].flatMap((key) => changedLeaves(from[key], to[key], [...path, key]));
}

/** Fields that can be equal although their values differ. */
const OWN_RULES: readonly string[] = [
  'input.size',
  'model.options',
  'optimizer.options',
  'scheduler.options',
  'augmentations',
  'loss',
  'run.folds',
];

/** Every transition rule of spec, one for each field, so that the server's answer names the field. `spec` is the schema of spec. */
export function immutability(spec: StructuralSchema): CelRules {
  return together(
    leafRules(spec, 'spec'),
    optionRules(spec, 'model', MODEL_OPTIONS, []),
    optionRules(spec, 'optimizer', OPTIMIZER_OPTIONS, []),
    optionRules(spec, 'scheduler', SCHEDULER_OPTIONS, ['tMax']),
    { spec: [sameTMax, sameFolds], 'spec.input': [sameSize(spec)], 'spec.run': [retryGrows] },
    {
      'spec.augmentations': [sameEntries(spec, 'augmentations', AUGMENTATION_OPTIONS)],
      'spec.loss': [sameEntries(spec, 'loss', LOSS_OPTIONS)],
    },
  );
}

/** `values` are CEL texts of both values. They are absent if CEL cannot format the values at an acceptable cost. */
function unchanged(condition: string, field?: string, values?: { readonly from: string; readonly to: string }): CelRule {
  return celRule({
    condition,
    message: values === undefined ? CHANGED : CHANGED_VALUES,
    fix,
    values: values ?? {},
    reason: 'FieldValueForbidden',
    ...(field === undefined ? {} : { field }),
  });
}

/** The rules for all fields of an object at `path`. The rule of a field that may be absent is attached to the object. */
function leafRules(schema: StructuralSchema, path: string): CelRules {
  const tables = Object.entries(schema.properties ?? {}).map(([name, child]): CelRules => {
    const at = `${path}.${name}`;
    const below = at.split('.').slice(1).join('.');
    if (OWN_RULES.includes(below) || isMutable(below.split('.'))) return {};
    const isPresent = child.default !== undefined || (schema.required ?? []).includes(name);
    if (!isPresent) return { [path]: [optionalRule(name)] };
    return child.properties === undefined ? { [at]: [presentRule(child)] } : leafRules(child, at);
  });
  return together(...tables);
}

function presentRule(schema: StructuralSchema): CelRule {
  return unchanged(
    'self == oldSelf',
    undefined,
    bothShown((owner) => owner, schema),
  );
}

function optionalRule(name: string): CelRule {
  const both = `has(self.${name}) && has(oldSelf.${name})`;
  return unchanged(`has(self.${name}) == has(oldSelf.${name}) && (!(${both}) || self.${name} == oldSelf.${name})`, name);
}

/** The texts of a field's old and new value; `value` makes its expression from `self` or `oldSelf`. */
function bothShown(value: (owner: string) => string, schema: StructuralSchema): { from: string; to: string } | undefined {
  const from = shown(value('oldSelf'), schema);
  const to = shown(value('self'), schema);
  return from === undefined || to === undefined ? undefined : { from, to };
}

/** A CEL expression that formats a value: text, a boolean, or a whole number of at most five digits. Undefined for other types. */
function shown(value: string, schema: StructuralSchema): string | undefined {
  if (schema['x-kubernetes-int-or-string']) return either(`type(${value}) == int`, digits(`int(${value})`, schema.maximum ?? 0), "'auto'");
  if (schema.type === 'string') return `'"' + ${value} + '"'`;
  if (schema.type === 'boolean') return either(value, "'true'", "'false'");
  if (schema.type === 'array' && schema.items?.type === 'string') return `'[' + ${value}.join(', ') + ']'`;
  const isShort = schema.type === 'integer' && (schema.minimum ?? -1) >= 0 && (schema.maximum ?? Number.POSITIVE_INFINITY) <= 99_999;
  return isShort ? digits(value, schema.maximum ?? 0) : undefined;
}

/** The CEL value that represents an omitted option without a fixed default. */
const NO_VALUE: Readonly<Record<string, string>> = { array: '[]', number: '-1.0', string: "''", boolean: 'false' };

/** The default of an option for the name that `owner` has. */
function optionDefault(owner: string, table: OptionTable, option: string, schema: StructuralSchema): string {
  const isDouble = (schema.items ?? schema).type === 'number';
  const none = NO_VALUE[schema.type ?? ''] ?? '-1';
  return Object.entries(table).reduce((otherwise, [name, options]) => {
    const value = options[option];
    return value === undefined || value === null ? otherwise : either(`${owner}.name == '${name}'`, literal(value, isDouble), otherwise);
  }, none);
}

/** One rule for each option of `<group>.options`. They pass if the name has changed: another rule reports that. */
function optionRules(spec: StructuralSchema, group: string, table: OptionTable, except: readonly string[]): CelRules {
  const options = Object.entries(schemaAt(spec, `${group}.options`)?.properties ?? {}).filter(([option]) => !except.includes(option));
  const rules = options.map(([option, schema]) => {
    const value = (owner: string): string => valueOr(`${owner}.options.${option}`, optionDefault(owner, table, option, schema));
    const rule = `self.options == oldSelf.options || self.name != oldSelf.name || ${value('self')} == ${value('oldSelf')}`;
    return unchanged(rule, `options.${option}`, bothShown(value, schema));
  });
  return { [`spec.${group}`]: rules };
}

/** With crops, input.size means nothing: the rule of input.crop reports a change. */
function sameSize(spec: StructuralSchema): CelRule {
  const size = schemaAt(spec, 'input.size');
  const values = size && bothShown((owner) => `${owner}.size`, size);
  return unchanged('self.size == oldSelf.size || has(self.crop) || has(oldSelf.crop)', 'size', values);
}

/** The default of tMax is the last epoch. */
const tMax = (spec: string): string => {
  const left = `${spec}.training.epochs - ${valueOr(`${spec}.scheduler.options.warmupEpochs`, '0')}`;
  return valueOr(`${spec}.scheduler.options.tMax`, either(`${left} > 1`, left, '1'));
};
const sameTMax = unchanged(
  `!has(self.scheduler.options.tMax) && !has(oldSelf.scheduler.options.tMax) || ${tMax('self')} == ${tMax('oldSelf')}`,
  'scheduler.options.tMax',
  { from: digits(tMax('oldSelf'), 99_999), to: digits(tMax('self'), 99_999) },
);

/**
 * An empty list means every fold. Other rules ensure that folds are distinct and less than split.folds, so a sorted list of that length
 * contains every fold.
 */
const isAll = (spec: string): string =>
  `(${spec}.run.folds.size() == 0 || (${spec}.run.folds.isSorted() && ${spec}.run.folds.size() == ${spec}.dataset.split.folds))`;
const sameFolds = unchanged(`self.run.folds == oldSelf.run.folds || (${isAll('self')} && ${isAll('oldSelf')})`, 'run.folds');

/** Each value reopens the experiment once, so an earlier value cannot come back. */
const retryGrows = celRule({
  condition: 'self.retry >= oldSelf.retry',
  field: 'retry',
  message: 'may only grow: was {from}, is {to}',
  fix: 'Write a number greater than {from} to reopen a failed experiment.',
  values: { from: digits('oldSelf.retry', 1000), to: digits('self.retry', 1000) },
});

/** The lists are first compared as a whole: this is enough for nearly every update and for every write of a status. */
function sameEntries(spec: StructuralSchema, path: string, table: OptionTable): CelRule {
  const list = schemaAt(spec, path);
  const options = new Set(Object.values(table).flatMap((entry) => Object.keys(entry)));
  const fields = Object.entries(list?.items?.properties ?? {});
  const places = Array.from({ length: list?.maxItems ?? 0 }, (_, index) => index);
  const same = fields.map(([field, schema]) => {
    if (!options.has(field)) return `self[i].${field} == oldSelf[i].${field}`;
    const value = (owner: string): string => valueOr(`${owner}.${field}`, optionDefault(owner, table, field, schema));
    return `${value('self[i]')} == ${value('oldSelf[i]')}`;
  });
  const rule = `self == oldSelf || (self.size() == oldSelf.size() && ${literal(places)}.all(i, i >= self.size() || (${same.join(' && ')})))`;
  return unchanged(rule);
}
