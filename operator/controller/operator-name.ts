import { createHash } from 'node:crypto';

/** Services may have no longer one, and neither may labels. */
const LONGEST = 63;

/**
 * What everything is called that belongs to the operator of all namespaces, or of the one that it looks after: one can stand beside another. A
 * name that would be too long ends in a digest instead.
 */
export function operatorName(watchNamespace?: string): string {
  const name = watchNamespace === undefined ? 'carpal-operator' : `carpal-operator-${watchNamespace}`;
  if (name.length <= LONGEST) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.slice(0, LONGEST - 1 - digest.length)}-${digest}`;
}
