/**
 * Checks an object that the API server accepted. This is necessary because the CRD cannot express every rule, and because this version may
 * have rules that the installed CRD lacks.
 */
import type { FieldPath, Finding } from '../finding.ts';
import { isRecord } from '../json.ts';
import { unmeasured, withSizes } from '../schema/auto.ts';
import { experimentSchema, type SegmentationExperiment } from '../schema/experiment.ts';
import { checkExperiment, unknownKeys } from './check-experiment.ts';

export type ResourceCheck =
  | {
      readonly experiment: SegmentationExperiment;
      /** Fields that this version does not know. The server removes fields that its CRD does not have, so the CRD is newer. */
      readonly unknown: readonly FieldPath[];
    }
  | { readonly findings: readonly Finding[] };

/** The fields of metadata that an experiment has. Labels and annotations may be anything that Kubernetes allows. */
const METADATA: readonly string[] = ['name', 'namespace', 'uid', 'generation', 'creationTimestamp', 'resourceVersion'];

/**
 * Returns either the complete experiment, or everything that is wrong with it. A size that is `auto` counts as wrong. An unknown field does
 * not: a CRD update under a running operator must not end experiments. `classLists` are the valid names for dataset.classes. Does not
 * change `object`.
 */
export function checkCustomResource(object: unknown, classLists: readonly string[]): ResourceCheck {
  const manifest = withoutRest(object);
  const unknown = unknownKeys(experimentSchema, manifest, new Set()).map(({ path }) => path);
  for (const path of unknown) remove(manifest, path);
  const checked = checkExperiment(manifest, classLists);
  if (!checked.ok) return { findings: checked.findings };
  // No sizes are passed: nothing can be measured, because the machine of a fold is unknown before the fold runs.
  const experiment = withSizes(checked.experiment, {});
  return experiment === undefined ? { findings: unmeasured(checked.experiment.spec) } : { experiment, unknown };
}

function withoutRest(object: unknown): Record<string, unknown> {
  if (!isRecord(object)) return {};
  const { apiVersion, kind, spec } = object;
  const metadata = isRecord(object['metadata']) ? object['metadata'] : {};
  const kept = Object.fromEntries(Object.entries(metadata).filter(([name]) => METADATA.includes(name)));
  return { apiVersion, kind, metadata: kept, spec: structuredClone(spec) };
}

function remove(root: Record<string, unknown>, path: FieldPath): void {
  let holder: unknown = root;
  for (const part of path.slice(0, -1)) holder = isRecord(holder) || Array.isArray(holder) ? Reflect.get(holder, part) : undefined;
  const last = path.at(-1);
  if (isRecord(holder) && last !== undefined) delete holder[last];
}
