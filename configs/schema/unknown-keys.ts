import { z } from 'zod';
import { didYouMean } from '../did-you-mean.ts';
import type { FieldPath, Finding } from '../finding.ts';

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
    return [{ path: at, message: 'is not a field of a SegmentationExperiment', fix }];
  });
}

/** The schema within default, prefault and optional. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional) inner = inner.unwrap();
  return inner;
}
