import { createHash } from 'node:crypto';

/** The limit for names of Services and for label values. */
const LONGEST = 63;

/**
 * The name of all objects that belong to an operator. It contains the namespace that the operator watches, if it watches only one, so that
 * several operators can share a cluster. A name that would be too long ends with a digest.
 */
export function operatorName(watchNamespace?: string): string {
  const name = watchNamespace === undefined ? 'carpal-operator' : `carpal-operator-${watchNamespace}`;
  if (name.length <= LONGEST) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.slice(0, LONGEST - 1 - digest.length)}-${digest}`;
}

/** The Lease for which the replicas of one operator compete. */
export function leaseName(watchNamespace?: string): string {
  return operatorName(watchNamespace);
}
