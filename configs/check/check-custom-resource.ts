/** The full schema's word on an object that the API server let through: rules that a CRD cannot hold, or that a newer schema has added. */
import type { FieldPath, Finding } from '../finding.ts';
import { isRecord } from '../json.ts';
import { unmeasured, withSizes } from '../schema/auto.ts';
import { experimentSchema, type SegmentationExperiment } from '../schema/experiment.ts';
import { checkExperiment, unknownKeys } from './check-experiment.ts';

export type ResourceCheck =
  | {
      readonly experiment: SegmentationExperiment;
      /** Fields that this version does not know. The server keeps only what its definition has, so a newer definition wrote them. */
      readonly unknown: readonly FieldPath[];
    }
  | { readonly findings: readonly Finding[] };

/** Of metadata only what an experiment has: labels and annotations may be anything that Kubernetes allows. */
const METADATA: readonly string[] = ['name', 'namespace', 'uid', 'generation', 'creationTimestamp', 'resourceVersion'];

/**
 * Either the complete experiment, or all that is wrong with it, such as a size that is `auto`. A field that is not known is no mistake here: a
 * definition that is updated under a running operator must not end experiments. `classLists` are the names that dataset.classes may have.
 * Changes nothing.
 */
export function checkCustomResource(object: unknown, classLists: readonly string[]): ResourceCheck {
  const manifest = withoutRest(object);
  const unknown = unknownKeys(experimentSchema, manifest, new Set()).map(({ path }) => path);
  for (const path of unknown) remove(manifest, path);
  const checked = checkExperiment(manifest, classLists);
  if (!checked.ok) return { findings: checked.findings };
  // Nobody can measure on the machines of a cluster before a fold has one.
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
