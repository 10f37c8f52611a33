/**
 * What a namespace of experiments needs: a service account for stages, and, if the namespace is limited, its entries in the ConfigMap of
 * limits.
 */
import { LIMITS_NAME } from './admission-policy.ts';
import { LABELS, OPERATOR_NAMESPACE, STAGE_ACCOUNT } from './manifest-settings.ts';

/**
 * The service account of stages. It has no rights on the API server and gets no token. Pod Identity or IRSA give it access to the artifact
 * store.
 */
export function stageServiceAccount(namespace?: string): object {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: STAGE_ACCOUNT, ...(namespace === undefined ? {} : { namespace }), labels: LABELS },
    automountServiceAccountToken: false,
  };
}

export type NamespaceLimits = {
  readonly datasets?: readonly string[];
  /** If absent, the limit for data sets also applies to weights. */
  readonly weights?: readonly string[];
  readonly queues?: readonly string[];
};

/**
 * The namespace's entries of the ConfigMap of limits, and no others; undefined if the namespace has no limits. For server-side apply with a
 * field manager per namespace, which leaves the entries of other namespaces unchanged.
 */
export function namespaceLimits(
  namespace: string,
  { datasets, weights, queues }: NamespaceLimits,
  operatorNamespace = OPERATOR_NAMESPACE,
): object | undefined {
  const line = (key: string, values: readonly string[] | undefined): [string, string][] =>
    values === undefined ? [] : [[`${key}.${namespace}`, values.map((value) => `${value}\n`).join('')]];
  const data = Object.fromEntries([...line('datasets', datasets), ...line('weights', weights), ...line('queues', queues)]);
  if (Object.keys(data).length === 0) return undefined;
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: LIMITS_NAME, namespace: operatorNamespace }, data };
}
