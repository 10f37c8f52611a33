/** Checks a manifest: its shape, its unknown fields and the rules between its fields. */
import { z } from 'zod';
import { didYouMean } from '../did-you-mean.ts';
import type { FieldPath, Finding } from '../finding.ts';
import { isRecord } from '../json.ts';
import { MANIFEST_RULES } from '../rules/manifest-rules.ts';
import { findingsOf } from '../rules/rule.ts';
import { type CheckedManifest, type ManifestSpec, manifestSchema } from '../schema/experiment.ts';
import { completeSpec } from '../schema/options.ts';
import { issueFinding } from './issue-finding.ts';

/** Fields that Kubernetes and carpal add to an object. A user may paste them back, so they are allowed and not checked. */
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
 * Checks a whole manifest from any source (YAML, JSON, an API request). Returns the manifest with every default and option written out, or
 * every mistake: wrong shapes, unknown fields, and broken rules between fields that are valid by themselves. `classLists` are the valid
 * names for dataset.classes.
 */
export function checkExperiment(value: unknown, classLists: readonly string[]): CheckResult {
  const strange = unknownKeys(manifestSchema, value, IGNORED);
  const parsed = manifestSchema.safeParse(value, { reportInput: true });
  const wrong = parsed.success ? [] : parsed.error.issues.map(issueFinding);
  const broken = wrong.map(({ path }) => path);
  const spec = parsed.success ? parsed.data.spec : repairedSpec(value, broken);
  const crossed = spec === undefined ? [] : findingsOf(MANIFEST_RULES, { spec }, { classLists }, broken);
  const findings = [...strange, ...wrong, ...crossed];
  if (!parsed.success || findings.length > 0) return { ok: false, findings };
  return { ok: true, experiment: { ...parsed.data, spec: completeSpec(parsed.data.spec) } };
}

/** The spec in which every broken field has its default; undefined if that is not a valid spec either. */
function repairedSpec(value: unknown, broken: readonly FieldPath[]): ManifestSpec | undefined {
  const manifest = structuredClone(value);
  const spec = child(manifest, 'spec');
  if (!isRecord(spec)) return undefined;
  for (const path of broken) takeOut(spec, path.slice(1));
  // dataset.uri and model.name have no default. Rules that read them are skipped if they are broken.
  const dataset = isRecord(spec['dataset']) ? spec['dataset'] : {};
  const model = isRecord(spec['model']) ? spec['model'] : {};
  const whole = { ...spec, dataset: { uri: 'missing', ...dataset }, model: { name: 'UNet', ...model } };
  const parsed = manifestSchema.shape.spec.safeParse(whole);
  return parsed.success ? parsed.data : undefined;
}

/** Deletes the field at `path`. A list with a broken entry is deleted as a whole, so that the other entries keep their index. */
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
 * One finding for each key of `value` that `schema` does not have, with the most similar valid key. (A strict zod object would report the
 * same but cannot become a structural schema.) `ignored` holds dotted paths that are not checked.
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
    const fix = meant === undefined ? `Valid fields: ${known.join(', ')}.` : `Did you mean ${meant}?`;
    return [{ path: at, message: 'is not a field of a SegmentationExperiment', fix: REMOVED.get(at.join('.')) ?? fix }];
  });
}

/** The schema inside default, prefault and optional. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional) inner = inner.unwrap();
  return inner;
}
