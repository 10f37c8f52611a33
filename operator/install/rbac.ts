/**
 * The rights of the operator: exactly what its code requests. rbac.test.ts runs experiments with these rights on a real API server and
 * checks both directions: no request is denied, and every right is used.
 */
import { GROUP, PLURAL } from '@carpal/configs/names.ts';
import { leaseName, operatorName } from '../controller/operator-name.ts';
import type { ManifestSettings } from './manifest-settings.ts';
import { LABELS } from './manifest-settings.ts';

export type PolicyRule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
};

const RBAC = 'rbac.authorization.k8s.io';

/** These rules apply in every namespace, because experiments may be in any namespace. */
export const CLUSTER_RULES: readonly PolicyRule[] = [
  { apiGroups: [GROUP], resources: [PLURAL], verbs: ['list', 'watch'] },
  { apiGroups: [GROUP], resources: [`${PLURAL}/status`], verbs: ['patch'] },
  // No request uses this right: admission checks it if a Job's owner reference blocks the deletion of its experiment.
  { apiGroups: [GROUP], resources: [`${PLURAL}/finalizers`], verbs: ['update'] },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['list', 'watch', 'get', 'create', 'delete'] },
  // Pods are patched and deleted only if someone deleted their Job without them. The operator makes the experiment their owner and deletes
  // them.
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch', 'patch', 'delete'] },
  { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create'] },
  // Only an event explains why a Job cannot create its pod.
  { apiGroups: [''], resources: ['events'], verbs: ['list'] },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
];

/** The rights in the operator's namespace: the Lease for leader election. */
export const OWN_NAMESPACE_RULES: readonly PolicyRule[] = [
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
];
/** The rights on one Lease. A rule with resource names cannot cover creation. */
const leaseRule = (name: string): PolicyRule & { readonly resourceNames: readonly string[] } => ({
  apiGroups: ['coordination.k8s.io'],
  resources: ['leases'],
  resourceNames: [name],
  verbs: ['get', 'update'],
});

/** The operator's service account and its rights. */
export function operatorRbac({ namespace, watchNamespace }: Pick<ManifestSettings, 'namespace' | 'watchNamespace'>): readonly object[] {
  const name = operatorName(watchNamespace);
  const metadata = { name, labels: LABELS };
  const inNamespace = { ...metadata, namespace };
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  const roleRef = (kind: string): object => ({ apiGroup: RBAC, kind, name });
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: inNamespace },
    { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata, rules: CLUSTER_RULES },
    { apiVersion: `${RBAC}/v1`, kind: 'ClusterRoleBinding', metadata, subjects, roleRef: roleRef('ClusterRole') },
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'Role',
      metadata: inNamespace,
      rules: [...OWN_NAMESPACE_RULES, leaseRule(leaseName(watchNamespace))],
    },
    { apiVersion: `${RBAC}/v1`, kind: 'RoleBinding', metadata: inNamespace, subjects, roleRef: roleRef('Role') },
  ];
}

/**
 * Rights of people, added to the roles `view`, `edit` and `admin` of every cluster: those who may edit Deployments may edit experiments.
 */
export function peopleRoles(): readonly object[] {
  const role = (name: string, into: readonly string[], resources: readonly string[], verbs: readonly string[]): object => ({
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRole',
    metadata: {
      name: `carpal-experiments-${name}`,
      labels: { ...LABELS, ...Object.fromEntries(into.map((target) => [`${RBAC}/aggregate-to-${target}`, 'true'])) },
    },
    rules: [{ apiGroups: [GROUP], resources, verbs }],
  });
  return [
    role('view', ['view', 'edit', 'admin'], [PLURAL, `${PLURAL}/status`], ['get', 'list', 'watch']),
    // Only the operator writes the status.
    role('edit', ['edit', 'admin'], [PLURAL], ['create', 'update', 'patch', 'delete', 'deletecollection']),
  ];
}
