import { z } from 'zod';
import { didYouMean } from '../did-you-mean.ts';
import type { FieldPath, Finding } from '../finding.ts';
import { show, startsWith } from '../finding.ts';
import { isRecord } from '../json.ts';
import { type CheckedManifest, type ManifestSpec, manifestSchema } from '../schema/experiment.ts';
import { LEARNING_RULES } from '../schema/learning-rules.ts';
import { OBJECTIVE_RULES } from '../schema/objective-rules.ts';
import { completeSpec } from '../schema/options.ts';
import type { Rule } from '../schema/rule.ts';
import { RUNNING_RULES } from '../schema/running-rules.ts';
import { issueFinding } from './issue-finding.ts';

/** What Kubernetes and carpal write into an object and a person may paste back: allowed, and not looked at. */
const IGNORED: ReadonlySet<string> = new Set([
  'status',
  ...['managedFields', 'ownerReferences', 'finalizers', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generateName', 'selfLink'].map(
    (field) => `metadata.${field}`,
  ),
]);

export type CheckResult =
  | { readonly ok: true; readonly experiment: CheckedManifest }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/**
 * Checks a whole manifest, however it came (YAML, JSON, an API request). Either the manifest with every default and option written out, or
 * every mistake in it: shape, unknown fields, and the rules between the fields that are not themselves at fault. `classLists` are the
 * names that dataset.classes may have.
 */
export function checkExperiment(value: unknown, classLists: readonly string[]): CheckResult {
  const strange = unknownKeys(manifestSchema, value, IGNORED);
  const parsed = manifestSchema.safeParse(value, { reportInput: true });
  const wrong = parsed.success ? [] : parsed.error.issues.map(issueFinding);
  const broken = wrong.map(({ path }) => path);
  const spec = parsed.success ? parsed.data.spec : repairedSpec(value, broken);
  const rules: readonly Rule[] = [...LEARNING_RULES, ...OBJECTIVE_RULES, ...RUNNING_RULES, classesKnown(classLists)];
  const crossed = spec === undefined ? [] : rules.filter((rule) => isAnswerable(rule, broken)).flatMap(({ check }) => check(spec));
  const findings = [...strange, ...wrong, ...crossed.map((finding) => ({ ...finding, path: ['spec', ...finding.path] }))];
  if (!parsed.success || findings.length > 0) return { ok: false, findings };
  return { ok: true, experiment: { ...parsed.data, spec: completeSpec(parsed.data.spec) } };
}

function classesKnown(classLists: readonly string[]): Rule {
  return {
    reads: ['dataset.classes'],
    check: ({ dataset: { classes } }) =>
      classLists.includes(classes)
        ? []
        : [{ path: ['dataset', 'classes'], message: `there is no class list ${show(classes)}`, fix: `Known: ${classLists.join(', ')}.` }],
  };
}

/** Whether none of the fields that a rule reads is broken, lies in something broken, or holds something broken. */
function isAnswerable(rule: Rule, broken: readonly FieldPath[]): boolean {
  return rule.reads.every((field) => {
    const path = ['spec', ...field.split('.')];
    return broken.every((at) => !startsWith(at, path) && !startsWith(path, at));
  });
}

/** The spec with what is broken taken out, so that defaults stand in for it; undefined when even that is no spec. */
function repairedSpec(value: unknown, broken: readonly FieldPath[]): ManifestSpec | undefined {
  const manifest = structuredClone(value);
  const spec = child(manifest, 'spec');
  if (!isRecord(spec)) return undefined;
  for (const path of broken) takeOut(spec, path.slice(1));
  // The two fields without a default; no rule that reads them is asked.
  const dataset = isRecord(spec['dataset']) ? spec['dataset'] : {};
  const model = isRecord(spec['model']) ? spec['model'] : {};
  const whole = { ...spec, dataset: { uri: 'missing', ...dataset }, model: { name: 'UNet', ...model } };
  const parsed = manifestSchema.shape.spec.safeParse(whole);
  return parsed.success ? parsed.data : undefined;
}

/** Deletes the field at `path`; a list with a broken entry goes as a whole, so that no other entry changes its place. */
function takeOut(root: Record<string, unknown>, path: FieldPath): void {
  let holder: Record<string, unknown> = root;
  for (const [index, part] of path.entries()) {
    const next = holder[String(part)];
    if (index === path.length - 1 || !isRecord(next)) {
      delete holder[String(part)];
      return;
    }
    holder = next;
  }
}

function child(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined;
}

/** How to fix a manifest that still has a field of an earlier version, by the field's dotted path. */
const REMOVED: ReadonlyMap<string, string> = new Map([
  ['spec.training.engine', 'Remove it: every training step now runs as a recorded graph.'],
]);

/**
 * One finding for every key of `value` that `schema` does not know, with the known one that was likely meant. (A strict zod object
 * would say the same but cannot become a structural schema.) `ignored` names dotted paths whose content is not looked at.
 */
export function unknownKeys(schema: z.core.$ZodType, value: unknown, ignored: ReadonlySet<string>, path: FieldPath = []): Finding[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    return value.flatMap((entry, index) => unknownKeys(inner.element, entry, ignored, [...path, index]));
  }
  if (!(inner instanceof z.ZodObject) || typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const shape: Record<string, z.core.$ZodType> = inner.shape;
  const known = Object.keys(shape);
  return Object.entries(value).flatMap(([key, entry]) => {
    const at = [...path, key];
    if (ignored.has(at.join('.'))) return [];
    const field = Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (field !== undefined) return unknownKeys(field, entry, ignored, at);
    const meant = didYouMean(key, known);
    const fix = meant === undefined ? `Known here: ${known.join(', ')}.` : `Did you mean ${meant}?`;
    return [{ path: at, message: 'is not a field of a SegmentationExperiment', fix: REMOVED.get(at.join('.')) ?? fix }];
  });
}

/** The schema within default, prefault and optional. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional) inner = inner.unwrap();
  return inner;
}
