/** Rules in the Common Expression Language, as a CRD holds them (`x-kubernetes-validations`). */

export type CelRule = {
  readonly rule: string;
  /** Shown when `messageExpression` fails. */
  readonly message: string;
  /** A CEL expression for one line of text. */
  readonly messageExpression?: string;
  /** The field at fault, from the rule's own place: `.options.width`. Has no list indices. */
  readonly fieldPath?: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
};

/** Rules by the path of the schema they are attached to, such as `spec.augmentations[]`; `self` is the value there. */
export type CelRules = Readonly<Record<string, readonly CelRule[]>>;

/** A literal: text, number, boolean, or a list of them. `double`: a number that stands for a field of type number. */
export function literal(value: unknown, double = false): string {
  if (Array.isArray(value)) return `[${value.map((entry) => literal(entry, double)).join(', ')}]`;
  if (typeof value === 'number') return double && Number.isInteger(value) ? `${value}.0` : String(value);
  return typeof value === 'string' ? quoted(value) : String(value);
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** An expression for a text with the values of CEL expressions (of type string) in it. */
export function says(texts: TemplateStringsArray, ...expressions: readonly string[]): string {
  const parts = texts.flatMap((text, index) => [text === '' ? [] : [quoted(text)], expressions[index] ?? []].flat());
  return parts.join(' + ');
}

/** `first` and `second` where `condition` holds and where not. */
export function either(condition: string, first: string, second: string): string {
  return `(${condition} ? ${first} : ${second})`;
}

/** The value of an optional field, or `otherwise` where it is left out. */
export function valueOr(field: string, otherwise: string): string {
  return either(`has(${field})`, field, otherwise);
}

/** All these rule tables as one. */
export function together(...tables: readonly CelRules[]): CelRules {
  const all: Record<string, CelRule[]> = {};
  for (const table of tables) for (const [path, rules] of Object.entries(table)) all[path] = [...(all[path] ?? []), ...rules];
  return all;
}

/** No two entries of the list at the rule's place have the same `key`. */
export function once(what: string, key: (entry: string) => string): CelRule {
  return {
    rule: `self.all(x, self.exists_one(y, ${key('y')} == ${key('x')}))`,
    message: `names a ${what} twice. Name each ${what} once.`,
  };
}

/**
 * Text of a whole number from 0 to `most`, digit by digit. CEL's own `string(…)` will not do: the API server knows no limit for its
 * length, takes it to be without end, and refuses the definition for the cost of joining it to other text.
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
