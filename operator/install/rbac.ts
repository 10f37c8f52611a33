/**
 * The rights of the operator: exactly what its code requests. rbac.test.ts and rbac-namespaced.test.ts run experiments with these rights on
 * a real API server and check both directions: no request is denied that must succeed, and every right is used.
 */
import { GROUP, PLURAL } from '@carpal/configs/names.ts';
import { leaseName, operatorName } from '../controller/operator-name.ts';
import { clusterScopedName, type InstalledOperator, LABELS, operatorAccount } from './manifest-settings.ts';

export type PolicyRule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
};

const RBAC = 'rbac.authorization.k8s.io';

/** What the operator does in every namespace that it watches: it reads. With these rights alone it writes nothing anywhere. */
export const WATCH_RULES: readonly PolicyRule[] = [
  { apiGroups: [GROUP], resources: [PLURAL], verbs: ['list', 'watch'] },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['list', 'watch'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
  // Only an event explains why a Job cannot create its pod.
  { apiGroups: [''], resources: ['events'], verbs: ['list'] },
  // Only Kueue's Workload explains why a queue holds a Job. Without Kueue the rule means nothing.
  { apiGroups: ['kueue.x-k8s.io'], resources: ['workloads'], verbs: ['list'] },
];

/** A LocalQueue names the ClusterQueue that it shares with other namespaces, in which a Job has its position. */
export const QUEUE_RULES: readonly PolicyRule[] = [{ apiGroups: ['kueue.x-k8s.io'], resources: ['localqueues'], verbs: ['list'] }];

/** No request uses this right: admission checks it if a Job's owner reference blocks the deletion of its experiment. */
const OWNER_RULE: PolicyRule = { apiGroups: [GROUP], resources: [`${PLURAL}/finalizers`], verbs: ['update'] };

/** What the operator may do in addition in a namespace that has opted in: run experiments, and report in their status and in events. */
export const RUN_RULES: readonly PolicyRule[] = [
  { apiGroups: [GROUP], resources: [`${PLURAL}/status`], verbs: ['patch'] },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
  // The finalizer of experiments whose artifacts are removed together with them.
  { apiGroups: [GROUP], resources: [PLURAL], verbs: ['patch'] },
  OWNER_RULE,
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'create', 'delete'] },
  // Pods are deleted only if someone deleted their Job without them, or if their node is lost.
  { apiGroups: [''], resources: ['pods'], verbs: ['delete'] },
  { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create'] },
];

/** The rights in the operator's own namespace: the Lease for leader election. A rule with resource names cannot cover creation. */
export function ownNamespaceRules({ watchNamespace }: Pick<InstalledOperator, 'watchNamespace'>): readonly PolicyRule[] {
  return [
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: [leaseName(watchNamespace)], verbs: ['get', 'update'] },
    // The operator checks its settings when it starts: it sends Jobs to the API server as a dry run. An operator of one namespace does so in
    // that namespace.
    ...(watchNamespace === undefined ? [{ apiGroups: ['batch'], resources: ['jobs'], verbs: ['create'] }, OWNER_RULE] : []),
  ];
}

export const roleOf = (kind: 'Role' | 'ClusterRole', metadata: object, rules: readonly PolicyRule[]): object => ({
  apiVersion: `${RBAC}/v1`,
  kind,
  metadata: { ...metadata, labels: LABELS },
  rules,
});

export const bindingTo = (kind: 'RoleBinding' | 'ClusterRoleBinding', metadata: object, roleRef: object, subject: object): object => ({
  apiVersion: `${RBAC}/v1`,
  kind,
  metadata: { ...metadata, labels: LABELS },
  subjects: [subject],
  roleRef: { apiGroup: RBAC, ...roleRef },
});

/** The operator's service account, with its rights in its own namespace. */
function ownNamespace(operator: InstalledOperator): readonly object[] {
  const metadata = { name: operatorName(operator.watchNamespace), namespace: operator.namespace };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...metadata, labels: LABELS } },
    roleOf('Role', metadata, ownNamespaceRules(operator)),
    bindingTo('RoleBinding', metadata, { kind: 'Role', name: metadata.name }, operatorAccount(operator)),
  ];
}

/** The ClusterRole that a namespace binds to opt in. */
const runRoleName = (operator: InstalledOperator): string => clusterScopedName('carpal-operator-run', operator);

/** The objects of the operator's rights that only an administrator of the cluster can apply: none if it watches one namespace. */
export function clusterRbac(operator: InstalledOperator): readonly object[] {
  if (operator.watchNamespace !== undefined) return [];
  const name = clusterScopedName('carpal-operator-watch', operator);
  return [
    roleOf('ClusterRole', { name }, [...WATCH_RULES, ...QUEUE_RULES]),
    roleOf('ClusterRole', { name: runRoleName(operator) }, RUN_RULES),
    bindingTo('ClusterRoleBinding', { name }, { kind: 'ClusterRole', name }, operatorAccount(operator)),
  ];
}

/** The operator's service account, and its rights in its own namespace and in the one that it watches, if it watches only one. */
export function namespacedRbac(operator: InstalledOperator): readonly object[] {
  const { watchNamespace } = operator;
  if (watchNamespace === undefined) return ownNamespace(operator);
  // Not the name of the operator: both Roles may be in one namespace.
  const metadata = { name: `${operatorName(watchNamespace)}-run`, namespace: watchNamespace };
  return [
    ...ownNamespace(operator),
    roleOf('Role', metadata, [...WATCH_RULES, ...RUN_RULES]),
    bindingTo('RoleBinding', metadata, { kind: 'Role', name: metadata.name }, operatorAccount(operator)),
  ];
}

/** Lets the operator of all namespaces run the experiments of one. Without a namespace, for a kustomization that sets it. */
export function optIn(operator: InstalledOperator, namespace?: string): object {
  const metadata = { name: runRoleName(operator), ...(namespace === undefined ? {} : { namespace }) };
  return bindingTo('RoleBinding', metadata, { kind: 'ClusterRole', name: runRoleName(operator) }, operatorAccount(operator));
}

/**
 * Rights of people, added to the roles `view`, `edit` and `admin` of every cluster: those who may edit Deployments may edit experiments.
 */
export function peopleRoles(): readonly object[] {
  const aggregated = (name: string, into: readonly string[], resources: readonly string[], verbs: readonly string[]): object => ({
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRole',
    metadata: {
      name: `carpal-experiments-${name}`,
      labels: { ...LABELS, ...Object.fromEntries(into.map((target) => [`${RBAC}/aggregate-to-${target}`, 'true'])) },
    },
    rules: [{ apiGroups: [GROUP], resources, verbs }],
  });
  return [
    aggregated('view', ['view', 'edit', 'admin'], [PLURAL, `${PLURAL}/status`], ['get', 'list', 'watch']),
    // Only the operator writes the status.
    aggregated('edit', ['edit', 'admin'], [PLURAL], ['create', 'update', 'patch', 'delete', 'deletecollection']),
  ];
}
