/** The checks of the admission policy in CEL: each lists the values that a manifest newly uses and compares them with a limit. */
import { literal } from '@carpal/configs/cel.ts';
import type { LimitKey } from './admission-limits.ts';

export type Variable = { readonly name: string; readonly expression: string };
type Validation = {
  readonly expression: string;
  readonly messageExpression: string;
  readonly message: string;
  readonly reason: 'Forbidden';
};

/** A part of the policy: variables, and validations that use them. */
export type Check = { readonly variables: readonly Variable[]; readonly validations: readonly Validation[] };

/**
 * The lines of a limit for this namespace, and whether there is a limit. The entry `<key>.<namespace>` has priority over the entry `<key>`,
 * and both have priority over the entries of the next key.
 */
export function limitVariables(key: LimitKey, ...otherwise: readonly LimitKey[]): readonly Variable[] {
  const entries = [key, ...otherwise].flatMap((name) => [`'${name}.' + request.namespace`, `'${name}'`]);
  const chosen = entries.map((entry) => `${entry} in params.data ? params.data[${entry}] : `).join('');
  return [
    { name: `${key}Limited`, expression: `has(params.data) && (${entries.map((entry) => `${entry} in params.data`).join(' || ')})` },
    {
      name: key,
      expression: `!variables.${key}Limited ? [] : (${chosen}'').split('\\n').map(line, line.trim()).filter(line, line != '')`,
    },
  ];
}

/** Whether an object has a field. `path` begins with the name of the object. */
export function has(path: string): string {
  const [object = '', ...steps] = path.split('.');
  return steps.map((_, index) => `has(${[object, ...steps.slice(0, index + 1)].join('.')})`).join(' && ');
}

type Compared = {
  readonly key: LimitKey;
  /** The field, as the message names it. Also makes the name of the variable. */
  readonly field: string;
  /** A list of strings: the values that `object` or `oldObject` uses. */
  readonly used: (object: string) => string;
  /** Whether `value` is allowed; `lines` is the list of the limit's lines. */
  readonly isAllowed: (value: string, lines: string) => string;
  /** What one value is, such as `a queue`. */
  readonly what: string;
  /** What the namespace may not do with others: use, read. */
  readonly verb?: string;
  /** CEL: the allowed lines in a message. */
  readonly listed?: string;
  /** CEL: what is wrong with an empty value. */
  readonly missing?: string;
  /** Whom to ask. */
  readonly owner: string;
};

/**
 * Refuses values that are not allowed and that the object did not have before this request. Values that it has already are kept: a limit
 * that becomes stricter later must block neither the operator nor the suspension of an experiment.
 */
export function comparedWithLimit({ key, field, used, isAllowed, what, verb = 'use', listed, missing, owner }: Compared): Check {
  const name = `${key}Of${field.split('.').slice(1).map(capitalized).join('')}`;
  const lines = `variables.${key}`;
  const first = `variables.${name}[0]`;
  const place = `(${lines}.size() == 0 ? 'None is allowed: ' : 'Use ' + ${listed ?? `${lines}.join(' or ')`} + ', or ')`;
  const wrong = `'"' + ${first} + '" is not ${what} that namespace ' + request.namespace + ' may ${verb}'`;
  const said = missing === undefined ? wrong : `(${first} == '' ? ${missing} : ${wrong})`;
  return {
    variables: [
      {
        name,
        expression:
          `!variables.${key}Limited ? [] : (${used('object')}).filter(value, !(oldObject != null && value in (${used('oldObject')})) && ` +
          `!(${isAllowed('value', lines)}))`,
      },
    ],
    validations: [
      {
        expression: `variables.${name}.size() == 0`,
        messageExpression: `'${field}: ' + ${said} + '. ' + ${place} + ${literal(owner)}`,
        message: `${field} is not ${what} that this namespace may ${verb}.`,
        reason: 'Forbidden',
      },
    ],
  };
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
