/**
 * From a zod schema to what Kubernetes calls a structural schema: types, limits, defaults and enums; no references, and no unions but that of a
 * whole number and one word.
 */
import { z } from 'zod';
import { isRecord } from '../json.ts';
import { type CelRule, literal } from '../rules/cel.ts';

export type StructuralSchema = {
  /** Absent only beside x-kubernetes-int-or-string. */
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  'x-kubernetes-int-or-string'?: true;
  description?: string;
  format?: string;
  default?: unknown;
  enum?: readonly unknown[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  required?: readonly string[];
  properties?: Record<string, StructuralSchema>;
  items?: StructuralSchema;
  additionalProperties?: StructuralSchema;
  'x-kubernetes-list-type'?: 'atomic' | 'map';
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-map-type'?: 'atomic' | 'granular';
  'x-kubernetes-validations'?: CelRule[];
};

/** Words of a JSON schema that are taken over as they are. Any other word is an error, so that nothing is lost without notice. */
const KEPT: ReadonlySet<string> = new Set([
  ...['type', 'format', 'default', 'enum', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum', 'exclusiveMinimum'],
  ...['exclusiveMaximum', 'minItems', 'maxItems', 'maxProperties', 'required', 'description', 'x-kubernetes-list-type'],
  'x-kubernetes-list-map-keys',
]);
const TYPES: readonly string[] = ['object', 'array', 'string', 'integer', 'number', 'boolean'];

/**
 * The structural schema of what a person may write for `schema`. Lists are replaced as a whole by server-side apply unless the schema says
 * otherwise by its metadata. Throws a TypeError, which names the field, for what a structural schema cannot say.
 */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  return convert(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', override: tellForm }), '');
}

/** Where the words for a pattern stand between zod's schema and ours. */
const FORM = 'x-form';

/** Takes the words that a regular expression of zod has for people (its `error`) along into the JSON schema. */
function tellForm({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodType; jsonSchema: Record<string, unknown> }): void {
  if (!(zodSchema instanceof z.ZodString)) return;
  for (const { _zod } of zodSchema._zod.def.checks ?? []) {
    const words = 'pattern' in _zod.def ? _zod.def.error?.({} as never) : undefined;
    if (typeof words === 'string') jsonSchema[FORM] = words;
  }
}

/** A pattern as a rule: the server's own message for a pattern is the regular expression, this one is what to write. */
function formRule(pattern: string, words: string): CelRule {
  return { rule: `self.matches(${literal(pattern)})`, message: `must be ${words}.` };
}

/**
 * A whole number or one word: the one union that Kubernetes knows by itself. Limits are the number's (they say nothing of text), the word is
 * a rule's.
 */
function intOrString({ anyOf, ...rest }: Record<string, unknown>, path: string): StructuralSchema {
  const [number, text, ...more] = Array.isArray(anyOf) ? anyOf : [];
  const isNumber = isRecord(number) && number['type'] === 'integer';
  const words = isRecord(text) && text['type'] === 'string' ? text['enum'] : undefined;
  if (!isNumber || !Array.isArray(words) || words.length !== 1 || more.length > 0) throw new TypeError(`${path}: not a structural schema`);
  const { type: _, ...limits } = convertTyped({ ...number, ...rest }, path);
  const rule = `type(self) == int || self == ${literal(words[0])}`;
  return {
    'x-kubernetes-int-or-string': true,
    ...limits,
    'x-kubernetes-validations': [{ rule, message: `must be a whole number or ${words[0]}.` }],
  };
}

function convert(node: unknown, path: string): StructuralSchema {
  if (!isRecord(node)) throw new TypeError(`${path}: not a structural schema`);
  return node['anyOf'] === undefined ? convertTyped(node, path) : intOrString(node, path);
}

function convertTyped(node: Record<string, unknown>, path: string): StructuralSchema {
  if (!TYPES.includes(String(node['type']))) throw new TypeError(`${path}: not a structural schema`);
  const result: Record<string, unknown> = {};
  for (const [word, value] of Object.entries(node)) {
    if (KEPT.has(word)) result[word] = value;
    else if (word === 'properties' && isRecord(value)) result[word] = mapValues(value, (child, name) => convert(child, `${path}.${name}`));
    else if (word === 'items') result[word] = convert(value, `${path}[]`);
    else if (word === 'additionalProperties') result[word] = convert(value, `${path}{}`);
    else if (word !== '$schema' && word !== FORM) throw new TypeError(`${path}: a structural schema has no "${word}"`);
  }
  if (result['type'] === 'array') result['x-kubernetes-list-type'] ??= 'atomic';
  const { pattern, ...others } = result as StructuralSchema;
  const words = node[FORM];
  const schema: StructuralSchema =
    pattern !== undefined && typeof words === 'string'
      ? { ...others, 'x-kubernetes-validations': [formRule(pattern, words)] }
      : (result as StructuralSchema);
  return schema.default === undefined ? schema : { ...schema, default: completed(schema.default, schema) };
}

/** A default with the defaults of everything in it: the API server asks the rules about a default as it is written. */
function completed(value: unknown, schema: StructuralSchema): unknown {
  if (Array.isArray(value) && schema.items !== undefined) {
    const { items } = schema;
    return value.map((entry) => completed(entry, items));
  }
  if (!isRecord(value)) return value;
  const missing = Object.entries(schema.properties ?? {}).filter(
    ([name, child]) => !Object.hasOwn(value, name) && child.default !== undefined,
  );
  return { ...value, ...Object.fromEntries(missing.map(([name, child]) => [name, structuredClone(child.default)])) };
}

/**
 * The schema at a path such as `spec.loss[].weight` below `root`; undefined when there is none.
 */
export function schemaAt(root: StructuralSchema, path: string): StructuralSchema | undefined {
  let schema: StructuralSchema | undefined = root;
  for (const part of path.split(/\.|(?=\[\])/).filter((text) => text !== '')) {
    schema = part === '[]' ? schema?.items : schema?.properties?.[part];
  }
  return schema;
}

/** Every schema below `root` that a person sees as a field, with its path as {@link schemaAt} takes it. */
export function fieldsOf(root: StructuralSchema, path = ''): readonly (readonly [string, StructuralSchema])[] {
  const below = Object.entries(root.properties ?? {}).flatMap(([name, child]) => {
    const at = path === '' ? name : `${path}.${name}`;
    return [[at, child] as const, ...fieldsOf(child, at)];
  });
  return root.items === undefined ? below : [...below, ...fieldsOf(root.items, `${path}[]`)];
}

function mapValues<From, To>(record: Record<string, From>, change: (value: From, key: string) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
