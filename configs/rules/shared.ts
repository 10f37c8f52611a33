/** Rules that several groups of fields have in common. */
import { literal } from '../cel.ts';
import { isRecord } from '../json.ts';
import type { OptionTable } from '../schema/options.ts';
import { type Rule, rule, unless } from './rule.ts';

/** The names in `table`, such as networks or losses, with the place where a manifest names one and gives it options. */
type OptionOwners = {
  readonly table: OptionTable;
  /** What the names are: `network`. */
  readonly what: string;
  readonly at: 'spec.model' | 'spec.optimizer' | 'spec.scheduler' | 'spec.loss[]' | 'spec.augmentations[]';
  /** The field of the options, from `at`; omitted: they stand next to the name. */
  readonly options?: 'options';
};

/** One rule for each option: only the names that have it may be given it. */
export function ownOptions({ table, what, at, options }: OptionOwners): readonly Rule[] {
  const all = [...new Set(Object.values(table).flatMap((entry) => Object.keys(entry)))];
  return all.map((option) => {
    const owners = Object.keys(table).filter((name) => Object.hasOwn(table[name] ?? {}, option));
    const field = options === undefined ? option : `${options}.${option}`;
    return rule({
      at,
      field,
      message: `is not an option of ${what} {name}`,
      fix: `Remove it: it is an option of ${owners.join(', ')}.`,
      reason: 'FieldValueForbidden',
      check: (self) => {
        const given: unknown = options === undefined ? self : 'options' in self ? self.options : undefined;
        const isGiven = isRecord(given) && given[option] !== undefined;
        return unless(!isGiven || owners.includes(self.name), { name: self.name });
      },
      cel: { rule: `!has(self.${field}) || self.name in ${literal(owners)}`, values: { name: 'self.name' } },
    });
  });
}

/** No two entries of the list at `at` are the same, or have the same `key`. `asText` makes CEL text of an entry or key that is not text. */
export function distinct({
  at,
  what,
  key,
  asText = (value) => value,
}: {
  readonly at: 'spec.run.folds' | 'spec.loss' | 'spec.inference.tta';
  readonly what: string;
  readonly key?: 'name';
  readonly asText?: (value: string) => string;
}): Rule {
  const end = key === undefined ? '' : `.${key}`;
  const entryText = (entry: unknown): string => String(key !== undefined && isRecord(entry) ? entry[key] : entry);
  return rule({
    at,
    message: `lists ${what} {value} twice`,
    fix: `List each ${what} once.`,
    check: (self) => {
      const values = self.map(entryText);
      return values.flatMap((value, index) => unless(values.indexOf(value) === index, { value }, [index]));
    },
    cel: {
      rule: `self.all(x, self.exists_one(y, y${end} == x${end}))`,
      values: { value: asText(`self.filter(x, !self.exists_one(y, y${end} == x${end}))[0]${end}`) },
    },
  });
}
