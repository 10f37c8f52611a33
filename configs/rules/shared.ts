/** Rules that several groups of fields have in common. */
import { literal } from '../cel.ts';
import { isRecord } from '../json.ts';
import type { OptionTable } from '../schema/options.ts';
import { type Rule, rule, unless } from './rule.ts';

/** The names in `table`, such as networks or losses, and the place in a manifest that contains a name and its options. */
type OptionOwners = {
  readonly table: OptionTable;
  /** The noun for a name in messages, such as `network`. */
  readonly what: string;
  readonly at: 'spec.model' | 'spec.optimizer' | 'spec.scheduler' | 'spec.loss[]' | 'spec.augmentations[]';
  /** The field that contains the options, relative to `at`. Omitted: the options are next to the name. */
  readonly options?: 'options';
};

/** One rule per option: a manifest may set an option only for the names that have it. */
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
  /**
   * Only if the entries are objects: all possible names. No two entries may have the same name. CEL can bound the length of these names,
   * but not of a name that it reads from an entry.
   */
  readonly names?: readonly string[];
  /** Converts an entry that is not text to CEL text. */
  readonly asText?: (entry: string) => string;
};

/** A rule that no two entries of a list are equal or have the same name. */
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
