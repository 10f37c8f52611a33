/** A rule between fields of a manifest: its check in TypeScript, its condition in CEL and its message, in one object. */
import { type CelRule, celText } from '../cel.ts';
import { type FieldPath, type Finding, startsWith } from '../finding.ts';
import { isRecord } from '../json.ts';
import type { ManifestSpec } from '../schema/experiment.ts';

/** What a rule reads: a manifest in which every field has the right type. */
export type RuleSubject = { readonly spec: ManifestSpec };

/** What rules read in addition to the manifest. */
export type RuleContext = { readonly classLists: readonly string[] };

/** One place where a rule is broken. `path` is relative to the field of the rule, such as the index of a list entry. */
export type Violation<Slot extends string = string> = {
  readonly values: Readonly<Record<Slot, string | number>>;
  readonly path: FieldPath;
};

/** Why one side of a rule is missing. */
type Omitted = { readonly omitted: string };

/** A CEL condition that holds for valid values, and the string expressions for the values in the message. */
type Condition<Slot extends string> = { readonly rule: string; readonly values?: Readonly<Record<Slot, string>> };

/** The type of the value at a path such as `spec.loss[]`. */
type At<Path extends string, From = RuleSubject> = Path extends `${infer Head}.${infer Rest}`
  ? At<Rest, Step<From, Head>>
  : Step<From, Path>;
type Step<From, Part extends string> = Part extends `${infer Name}[]` ? Entry<Field<From, Name>> : Field<From, Part>;
type Field<From, Name extends string> = Name extends keyof From ? NonNullable<From[Name]> : unknown;
type Entry<List> = List extends readonly (infer Value)[] ? Value : unknown;

type Definition<Path extends string, Slot extends string> = {
  /**
   * The path of the value that the rule checks, from the top of the manifest; `[]` means each entry of a list. CEL calls the value `self`.
   * An absent value is valid.
   */
  readonly at: Path;
  /** The invalid field, relative to `at`. Omitted: the value itself. */
  readonly field?: string;
  /**
   * The fields that `check` reads, relative to `at`. Omitted: all fields. The rule is skipped if one of them is invalid by itself, so that
   * one mistake causes one finding.
   */
  readonly reads?: readonly string[];
  /** What is wrong, without a full stop. `{name}` stands for a value of the violation. */
  readonly message: string;
  /** What to write instead, as a sentence. */
  readonly fix: string;
  /** How the API server classifies the mistake; omitted: FieldValueInvalid. */
  readonly reason?: NonNullable<CelRule['reason']>;
  readonly check: ((self: At<Path>, context: RuleContext) => readonly Violation<Slot>[]) | Omitted;
  readonly cel: Condition<Slot> | Omitted;
};

/** A rule for `carpal validate` (`findings`) and for the API server (`cel`). */
export type Rule = {
  readonly at: string;
  /** Fields that must be valid by themselves before the rule is checked, from the top of the manifest. */
  readonly reads: readonly FieldPath[];
  /** The findings for one value at `at`. Their paths are relative to `at`. */
  readonly findingsIn: (self: unknown, context: RuleContext) => readonly Finding[];
  readonly cel: CelRule | undefined;
};

/** Makes a rule. Throws a TypeError if the message and the CEL side name different values. */
export function rule<const Path extends string, const Slot extends string = never>(definition: Definition<Path, Slot>): Rule {
  const { at, field = '', reads = [''], message, fix, check, cel } = definition;
  const below = namesIn(at).filter((name) => name !== '[]');
  const start = namesIn(field);
  return {
    at,
    reads: reads.map((name) => [...below, ...namesIn(name)]),
    findingsIn: (self, context) => {
      if ('omitted' in check) return [];
      const violations: readonly Violation[] = check(self as At<Path>, context);
      return violations.map(({ values, path }) => ({
        path: [...start, ...path],
        message: filled(message, values),
        fix: filled(fix, values),
      }));
    },
    cel: 'omitted' in cel ? undefined : celRule({ ...definition, condition: cel.rule, values: cel.values ?? {} }),
  };
}

type CelParts = {
  readonly condition: string;
  readonly message: string;
  readonly fix: string;
  readonly values: Readonly<Record<string, string>>;
  readonly field?: string;
  readonly reason?: NonNullable<CelRule['reason']>;
};

/** A CEL rule whose text is `message. fix`. The static `message` is a fallback with `…` instead of each value. */
export function celRule({ condition, message, fix, values, field, reason }: CelParts): CelRule {
  const text = `${message}. ${fix}`;
  const slots = new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name));
  const names = Object.keys(values);
  if (names.length !== slots.size || names.some((name) => !slots.has(name)))
    throw new TypeError(`"${text}" must use exactly these values: ${names.join(', ')}`);
  return {
    rule: condition,
    message: text.replaceAll(/\{\w+\}/g, '…'),
    ...(names.length === 0 ? {} : { messageExpression: celText(text, values) }),
    ...(field === undefined ? {} : { fieldPath: `.${field}` }),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** The template with its values filled in. */
export function filled(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replaceAll(/\{(\w+)\}/g, (slot, name: string) => String(values[name] ?? slot));
}

/** Returns no violation if `holds`, otherwise one violation with these values. */
export function unless<const Slot extends string = never>(
  holds: boolean,
  values = {} as Readonly<Record<Slot, string | number>>,
  path: FieldPath = [],
): readonly Violation<Slot>[] {
  return holds ? [] : [{ values, path }];
}

/** The findings of these rules for a manifest. Rules that read a field in `broken` are skipped. Paths start at the top of the manifest. */
export function findingsOf(
  rules: readonly Rule[],
  manifest: RuleSubject,
  context: RuleContext,
  broken: readonly FieldPath[] = [],
): Finding[] {
  const isReadable = (field: FieldPath): boolean => broken.every((path) => !startsWith(path, field) && !startsWith(field, path));
  return rules
    .filter(({ reads }) => reads.every(isReadable))
    .flatMap(({ at, findingsIn }) =>
      placesOf(manifest, namesIn(at), []).flatMap(([start, self]) =>
        findingsIn(self, context).map((finding) => ({ ...finding, path: [...start, ...finding.path] })),
      ),
    );
}

/** The values at a path, each with its own path. */
function placesOf(value: unknown, [name, ...rest]: readonly string[], path: FieldPath): readonly (readonly [FieldPath, unknown])[] {
  if (value === undefined) return [];
  if (name === undefined) return [[path, value]];
  if (name === '[]') return Array.isArray(value) ? value.flatMap((entry, index) => placesOf(entry, rest, [...path, index])) : [];
  return isRecord(value) ? placesOf(value[name], rest, [...path, name]) : [];
}

/** `spec.loss[].name` → spec, loss, [], name */
function namesIn(path: string): readonly string[] {
  return path.split(/\.|(?=\[\])/).filter((name) => name !== '');
}
