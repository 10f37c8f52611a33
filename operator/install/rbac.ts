/**
 * What the operator may do: what its code asks for and nothing else. rbac.test.ts runs experiments under these rights on a real API server and
 * holds the two together: nothing is denied, and nothing is granted that was not used.
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

/** In every namespace: experiments may be in any. */
export const CLUSTER_RULES: readonly PolicyRule[] = [
  { apiGroups: [GROUP], resources: [PLURAL], verbs: ['list', 'watch'] },
  { apiGroups: [GROUP], resources: [`${PLURAL}/status`], verbs: ['patch'] },
  // Not a request: admission asks for it where a Job's owner reference blocks the deletion of its experiment.
  { apiGroups: [GROUP], resources: [`${PLURAL}/finalizers`], verbs: ['update'] },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['list', 'watch', 'get', 'create', 'delete'] },
  // Patched and deleted only where their Job was deleted by hand without them: they are made the experiment's, and ended with it.
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch', 'patch', 'delete'] },
  { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create'] },
  // Why a Job cannot make its pod is said in an event and nowhere else.
  { apiGroups: [''], resources: ['events'], verbs: ['list'] },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
];

/** In its own namespace: the Lease by which replicas agree on a leader. */
export const OWN_NAMESPACE_RULES: readonly PolicyRule[] = [
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
];
/** Of that one Lease; a rule with names cannot speak of creation. */
const leaseRule = (name: string): PolicyRule & { readonly resourceNames: readonly string[] } => ({
  apiGroups: ['coordination.k8s.io'],
  resources: ['leases'],
  resourceNames: [name],
  verbs: ['get', 'update'],
});

/** The operator's identity and its rights. */
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

/** Rights of people, added to the roles `view`, `edit` and `admin` that every cluster has: who may edit Deployments may edit experiments. */
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
    // The status is the operator's alone.
    role('edit', ['edit', 'admin'], [PLURAL], ['create', 'update', 'patch', 'delete', 'deletecollection']),
  ];
}
