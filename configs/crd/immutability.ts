/**
 * What an update may not change, as CEL transition rules: one for each field, so that the server's answer names the field. MUTABLE of
 * configs/schema/immutable.ts says what may. As there, a default that is written out is no change: the server fills in the fixed defaults
 * itself, and the rules here know those that depend on a name.
 */

import { type CelRule, type CelRules, digits, either, literal, says, together, valueOr } from '../rules/cel.ts';
import { MUTABLE } from '../schema/immutable.ts';
import { LOSS_OPTIONS, OPTIMIZER_OPTIONS, SCHEDULER_OPTIONS } from '../schema/objective-options.ts';
import { AUGMENTATION_OPTIONS, MODEL_OPTIONS } from '../schema/options.ts';
import { type StructuralSchema, schemaAt } from './structural-schema.ts';

const MEND = 'Take the change back, or give the changed experiment a name of its own.';

/** Fields whose equality is not that of their values. */
const OWN_RULES: readonly string[] = [
  'model.options',
  'optimizer.options',
  'scheduler.options',
  'augmentations',
  'loss',
  'inference.window',
  'run.folds',
];

/** Every transition rule of spec, whose schema is given. */
export function immutability(spec: StructuralSchema): CelRules {
  return together(
    leafRules(spec, 'spec'),
    optionRules(spec, 'model', MODEL_OPTIONS, []),
    optionRules(spec, 'optimizer', OPTIMIZER_OPTIONS, []),
    optionRules(spec, 'scheduler', SCHEDULER_OPTIONS, ['tMax']),
    { spec: [sameTMax, sameFolds], 'spec.inference': [sameWindow(spec)] },
    {
      'spec.augmentations': [sameEntries(spec, 'augmentations', AUGMENTATION_OPTIONS)],
      'spec.loss': [sameEntries(spec, 'loss', LOSS_OPTIONS)],
    },
  );
}

/** `from` and `to` are CEL texts of both values; absent where CEL has no affordable text of them. */
function refusal(rule: string, from?: string, to?: string, fieldPath?: string): CelRule {
  const told = from !== undefined && to !== undefined;
  return {
    rule,
    message: `cannot change once the experiment exists. ${MEND}`,
    ...(told ? { messageExpression: says`cannot change once the experiment exists: was ${from}, is ${to}. ${literal(MEND)}` } : {}),
    reason: 'FieldValueForbidden',
    ...(fieldPath === undefined ? {} : { fieldPath }),
  };
}

/** Rules for all fields below an object at `path`, whether they can be looked at alone or only from above because they may be absent. */
function leafRules(schema: StructuralSchema, path: string): CelRules {
  const tables = Object.entries(schema.properties ?? {}).map(([name, child]): CelRules => {
    const at = `${path}.${name}`;
    const below = at.split('.').slice(1).join('.');
    if (OWN_RULES.includes(below) || MUTABLE.some((mutable) => mutable.join('.') === below)) return {};
    const present = child.default !== undefined || (schema.required ?? []).includes(name);
    if (!present) return { [path]: [optionalRule(name)] };
    return child.properties === undefined ? { [at]: [presentRule(child)] } : leafRules(child, at);
  });
  return together(...tables);
}

function presentRule(schema: StructuralSchema): CelRule {
  return refusal('self == oldSelf', shown('oldSelf', schema), shown('self', schema));
}

function optionalRule(name: string): CelRule {
  const both = `has(self.${name}) && has(oldSelf.${name})`;
  const rule = `has(self.${name}) == has(oldSelf.${name}) && (!(${both}) || self.${name} == oldSelf.${name})`;
  return refusal(rule, undefined, undefined, `.${name}`);
}

/** The value of a field as CEL text: text, truth, and whole numbers of at most five digits. */
function shown(value: string, schema: StructuralSchema): string | undefined {
  if (schema['x-kubernetes-int-or-string']) return either(`type(${value}) == int`, digits(`int(${value})`, schema.maximum ?? 0), "'auto'");
  if (schema.type === 'string') return says`"${value}"`;
  if (schema.type === 'boolean') return either(value, "'true'", "'false'");
  if (schema.type === 'array' && schema.items?.type === 'string') return says`[${`${value}.join(', ')`}]`;
  const isShort = schema.type === 'integer' && (schema.minimum ?? -1) >= 0 && (schema.maximum ?? Number.POSITIVE_INFINITY) <= 99_999;
  return isShort ? digits(value, schema.maximum ?? 0) : undefined;
}

type OptionTable = Readonly<Record<string, object>>;

/** Stands in for an option that has no fixed default and is left out. */
const NO_VALUE: Readonly<Record<string, string>> = { array: '[]', number: '-1.0', string: "''", boolean: 'false' };

/** What an option is worth for `owner` where it is left out: by the owner's name. */
function optionDefault(owner: string, table: OptionTable, option: string, schema: StructuralSchema): string {
  const isDouble = (schema.items ?? schema).type === 'number';
  const none = NO_VALUE[schema.type ?? ''] ?? '-1';
  return Object.entries(table).reduce((otherwise, [name, options]) => {
    const value = (options as Record<string, unknown>)[option];
    return value === undefined || value === null ? otherwise : either(`${owner}.name == '${name}'`, literal(value, isDouble), otherwise);
  }, none);
}

/** One rule for each option of `<group>.options`. They say nothing when the name has changed: that is told already. */
function optionRules(spec: StructuralSchema, group: string, table: OptionTable, except: readonly string[]): CelRules {
  const options = Object.entries(schemaAt(spec, `${group}.options`)?.properties ?? {}).filter(([option]) => !except.includes(option));
  const rules = options.map(([option, schema]) => {
    const value = (owner: string): string => valueOr(`${owner}.options.${option}`, optionDefault(owner, table, option, schema));
    const rule = `self.options == oldSelf.options || self.name != oldSelf.name || ${value('self')} == ${value('oldSelf')}`;
    return refusal(rule, shown(value('oldSelf'), schema), shown(value('self'), schema), `.options.${option}`);
  });
  return { [`spec.${group}`]: rules };
}

/** tMax left out goes to the last epoch. */
const tMax = (spec: string): string => {
  const left = `${spec}.training.epochs - ${valueOr(`${spec}.scheduler.options.warmupEpochs`, '0')}`;
  return valueOr(`${spec}.scheduler.options.tMax`, either(`${left} > 1`, left, '1'));
};
const sameTMax = refusal(
  `!has(self.scheduler.options.tMax) && !has(oldSelf.scheduler.options.tMax) || ${tMax('self')} == ${tMax('oldSelf')}`,
  digits(tMax('oldSelf'), 99_999),
  digits(tMax('self'), 99_999),
  '.scheduler.options.tMax',
);

/** An empty list stands for every fold. Folds are distinct and below split.folds by another rule, so a sorted list of that many is all. */
const isAll = (spec: string): string =>
  `(${spec}.run.folds.size() == 0 || (${spec}.run.folds.isSorted() && ${spec}.run.folds.size() == ${spec}.dataset.split.folds))`;
const sameFolds = refusal(
  `self.run.folds == oldSelf.run.folds || (${isAll('self')} && ${isAll('oldSelf')})`,
  undefined,
  undefined,
  '.run.folds',
);

/** A sheet's size that is left out is twice the window. */
function sameWindow(spec: StructuralSchema): CelRule {
  const value = (owner: string, field: string): string =>
    field === 'sheetSize' ? valueOr(`${owner}.window.sheetSize`, `${owner}.window.size * 2`) : `${owner}.window.${field}`;
  const fields = Object.keys(schemaAt(spec, 'inference.window')?.properties ?? {});
  const same = fields.map((field) => `${value('self', field)} == ${value('oldSelf', field)}`).join(' && ');
  const rule = `has(self.window) == has(oldSelf.window) && (!has(self.window) || !has(oldSelf.window) || (${same}))`;
  return refusal(rule, undefined, undefined, '.window');
}

/** The comparison of the whole comes first: it is what nearly every update, and every write of a status, needs. */
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
  return refusal(rule);
}
