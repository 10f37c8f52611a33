/** Field types that several schemas use. */
import { z } from 'zod';
import { QUANTITY_FORM, QUANTITY_PATTERN } from '../quantity.ts';

export const AUTO = 'auto';

/** A whole number, or `auto`. In a structural schema it is an x-kubernetes-int-or-string. */
export function orAuto(wholeNumber: z.ZodInt) {
  return z.union([wholeNumber, z.enum([AUTO])]);
}

/** A Kubernetes quantity as text. */
export const quantity = () => z.string().max(24).regex(QUANTITY_PATTERN, { error: QUANTITY_FORM });

export const DNS_LABEL = {
  pattern: /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
  form: 'lower-case letters, digits and "-", beginning and ending with a letter or digit',
} as const;

/** A DNS label, or a shorter name of the same form. */
export const dnsLabel = (maxLength = 63) => z.string().min(1).max(maxLength).regex(DNS_LABEL.pattern, { error: DNS_LABEL.form });

/**
 * A map from arbitrary keys to texts, with a limit on the number of entries and on the length of keys and values. The JSON schema also
 * contains the limit on entries (`maxProperties`), because Kubernetes needs it to estimate the cost of its rules.
 */
export function textMap(maxEntries: number, maxValueLength: number) {
  return z
    .record(z.string().min(1).max(317), z.string().max(maxValueLength))
    .refine((map) => Object.keys(map).length <= maxEntries, { error: `must have at most ${maxEntries} entries` })
    .meta({ maxProperties: maxEntries });
}
