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

type DistinctList = {
  readonly at: 'spec.run.folds' | 'spec.loss' | 'spec.inference.tta';
  readonly what: string;
  /** If the entries are objects: all their possible names, which must differ. (CEL knows the length of these, but not of a name that it looks up.) */
  readonly names?: readonly string[];
  /** Makes CEL text of an entry that is not text. */
  readonly asText?: (entry: string) => string;
};

/** No two entries of a list are equal, or have the same name. */
export function distinct({ at, what, names, asText = (entry) => entry }: DistinctList): Rule {
  const name = names === undefined ? '' : '.name';
  return rule({
    at,
    message: `lists ${what} {value} twice`,
    fix: `List each ${what} once.`,
    check: (self) => {
      const values = self.map((entry) => (typeof entry === 'object' ? entry.name : entry));
      return values.flatMap((value, index) => unless(values.indexOf(value) === index, { value }, [index]));
    },
    cel: {
      rule: `self.all(x, self.exists_one(y, y${name} == x${name}))`,
      values: {
        value:
          names === undefined
            ? asText('self.filter(x, !self.exists_one(y, y == x))[0]')
            : `${literal(names)}.filter(n, self.filter(x, x.name == n).size() > 1)[0]`,
      },
    },
  });
}
