import { operatorName } from './operator-name.ts';

/** The Lease that operators of the same experiments compete for: of all namespaces, or of the one that they look after. */
export function leaseName(watchNamespace?: string): string {
  return operatorName(watchNamespace);
}
