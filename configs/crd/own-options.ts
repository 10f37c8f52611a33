import { type CelRule, literal, says } from '../rules/cel.ts';

/** The options of every network, loss, …, by its name. */
export type OptionTable = Readonly<Record<string, object>>;

/** One rule for every option: only the names that have it may have it. `at` leads from the rule's place to the options. */
export function ownOptions(table: OptionTable, what: string, at: string): CelRule[] {
  const options = [...new Set(Object.values(table).flatMap((entry) => Object.keys(entry)))];
  return options.map((option) => {
    const owners = Object.keys(table).filter((name) => Object.keys(table[name] ?? {}).includes(option));
    return {
      rule: `!has(self${at}.${option}) || self.name in ${literal(owners)}`,
      message: `is an option of ${what} ${owners.join(', ')} only. Take it out.`,
      messageExpression: says`is not an option of ${literal(what)} ${'self.name'}. Take it out: it belongs to ${literal(owners.join(', '))}.`,
      fieldPath: `${at}.${option}`,
      reason: 'FieldValueForbidden',
    };
  });
}
