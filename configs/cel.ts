/**
 * Rules in the Common Expression Language as a CRD contains them (`x-kubernetes-validations`), and building blocks for their expressions.
 */

export type CelRule = {
  readonly rule: string;
  /** Shown when `messageExpression` is absent or fails. */
  readonly message: string;
  /** A CEL expression for one line of text. */
  readonly messageExpression?: string;
  /** The path of the invalid field, relative to the place of the rule, such as `.options.width`. It cannot contain list indices. */
  readonly fieldPath?: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
};

/** Rules, keyed by the path of the schema that they are attached to, such as `spec.augmentations[]`. `self` is the value at that path. */
export type CelRules = Readonly<Record<string, readonly CelRule[]>>;

/** Merges the tables. A path that is in several tables gets the rules of all of them. */
export function together(...tables: readonly CelRules[]): CelRules {
  const all: Record<string, CelRule[]> = {};
  for (const table of tables) for (const [path, rules] of Object.entries(table)) all[path] = [...(all[path] ?? []), ...rules];
  return all;
}

/**
 * A CEL literal of a text, a number, a boolean, or a list of them. With `double`, a whole number is written as `1.0`, for a field of type
 * number.
 */
export function literal(value: unknown, double = false): string {
  if (Array.isArray(value)) return `[${value.map((entry) => literal(entry, double)).join(', ')}]`;
  if (typeof value === 'number') return double && Number.isInteger(value) ? `${value}.0` : String(value);
  return typeof value === 'string' ? quoted(value) : String(value);
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** A CEL expression for the text `template`. Each `{name}` is replaced by the value of the string expression `values[name]`. */
export function celText(template: string, values: Readonly<Record<string, string>>): string {
  const parts = template
    .split(/\{(\w+)\}/)
    .map((part, index) => (index % 2 === 1 ? (values[part] ?? '') : part === '' ? '' : quoted(part)));
  return parts.filter((part) => part !== '').join(' + ');
}

/** A CEL expression with the value of `first` if `condition` holds, otherwise of `second`. */
export function either(condition: string, first: string, second: string): string {
  return `(${condition} ? ${first} : ${second})`;
}

/** A CEL expression for the value of an optional field, or for `otherwise` if the field is omitted. */
export function valueOr(field: string, otherwise: string): string {
  return either(`has(${field})`, field, otherwise);
}

/**
 * A CEL expression for the text of a whole number from 0 to `most`, digit by digit. CEL's own `string(…)` cannot be used: the API server
 * knows no limit for the length of its result, so it estimates a high cost for joining it to other text and rejects the CRD.
 */
export function digits(value: string, most: number): string {
  const places = String(most).length;
  const parts = Array.from({ length: places }, (_, index) => {
    const unit = 10 ** (places - 1 - index);
    const digit = unit === 1 ? `${value} % 10` : `${value} / ${unit} % 10`;
    const text = `'0123456789'.substring(${digit}, ${digit} + 1)`;
    return unit === 1 ? text : either(`${value} >= ${unit}`, text, "''");
  });
  return `(${parts.join(' + ')})`;
}
