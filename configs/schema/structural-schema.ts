/**
 * Converts a zod schema into a structural schema of Kubernetes: types, limits, defaults and enums; no references, and no unions except a
 * whole number or one word.
 */
import { z } from 'zod';
import { type CelRule, literal } from '../cel.ts';
import { isRecord } from '../json.ts';

export type StructuralSchema = {
  /** Absent only if x-kubernetes-int-or-string is set. */
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

/** Keywords of a JSON schema that are copied unchanged. Any other keyword is an error, so that no constraint is lost without notice. */
const KEPT: ReadonlySet<string> = new Set([
  ...['type', 'format', 'default', 'enum', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum', 'exclusiveMinimum'],
  ...['exclusiveMaximum', 'minItems', 'maxItems', 'maxProperties', 'required', 'description', 'x-kubernetes-list-type'],
  'x-kubernetes-list-map-keys',
]);
const TYPES: readonly string[] = ['object', 'array', 'string', 'integer', 'number', 'boolean'];

/**
 * The structural schema for the input of `schema`. Server-side apply replaces lists as a whole unless the schema's metadata says otherwise.
 * Throws a TypeError with the name of the field for a schema that cannot be converted.
 */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  return convert(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', override: copyForm }), '');
}

/** The key under which the JSON schema contains the description of a pattern. */
const FORM = 'x-form';

/** Copies the description of a zod pattern (its `error`) into the JSON schema. */
function copyForm({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodType; jsonSchema: Record<string, unknown> }): void {
  if (!(zodSchema instanceof z.ZodString)) return;
  for (const { _zod } of zodSchema._zod.def.checks ?? []) {
    const form = 'pattern' in _zod.def ? _zod.def.error?.({} as never) : undefined;
    if (typeof form === 'string') jsonSchema[FORM] = form;
  }
}

/**
 * A pattern as a rule. The server's own message for a pattern shows the regular expression; the message of this rule says what to write.
 */
function formRule(pattern: string, form: string): CelRule {
  return { rule: `self.matches(${literal(pattern)})`, message: `must be ${form}.` };
}

/** A whole number or one word: the only union that Kubernetes schemas allow. The limits apply to the number; a rule checks the word. */
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
  const form = node[FORM];
  const schema: StructuralSchema =
    pattern !== undefined && typeof form === 'string'
      ? { ...others, 'x-kubernetes-validations': [formRule(pattern, form)] }
      : (result as StructuralSchema);
  return schema.default === undefined ? schema : { ...schema, default: completed(schema.default, schema) };
}

/** A default with the defaults of its own fields filled in, because the API server evaluates rules on the default as it is written. */
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

/** The schema at a path such as `spec.loss[].weight` below `root`; undefined if the path does not exist. */
export function schemaAt(root: StructuralSchema, path: string): StructuralSchema | undefined {
  let schema: StructuralSchema | undefined = root;
  for (const part of path.split(/\.|(?=\[\])/).filter((text) => text !== '')) {
    schema = part === '[]' ? schema?.items : schema?.properties?.[part];
  }
  return schema;
}

/** Every schema below `root` that users see as a field, with its path as {@link schemaAt} accepts it. */
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
