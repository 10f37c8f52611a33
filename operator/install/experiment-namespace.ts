/** What a namespace of experiments needs: an identity for stages, and, if it is to be limited, its lines among the limits. */
import { LIMITS_NAME } from './admission-policy.ts';
import { LABELS, OPERATOR_NAMESPACE, STAGE_ACCOUNT } from './manifest-settings.ts';

/** The identity of stages. It has no right on the API server and gets no token; Pod Identity or IRSA give it the artifact store. */
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
  /** Where absent, weights may lie where data sets may. */
  readonly weights?: readonly string[];
  readonly queues?: readonly string[];
};

/**
 * The namespace's lines of the ConfigMap of limits, and none of other namespaces: for server-side apply with a field manager of its own, which
 * leaves theirs as they are.
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
