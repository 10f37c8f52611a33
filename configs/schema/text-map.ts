import { z } from 'zod';

/**
 * A group of free names and texts with limits on all three: entries, names, values. The limit on entries is told to JSON schemas too
 * (`maxProperties`); Kubernetes needs it to bound the cost of its rules.
 */
export function textMap(maxEntries: number, maxValueLength: number) {
  return z
    .record(z.string().min(1).max(317), z.string().max(maxValueLength))
    .refine((map) => Object.keys(map).length <= maxEntries, { error: `must have at most ${maxEntries} entries` })
    .meta({ maxProperties: maxEntries });
}
