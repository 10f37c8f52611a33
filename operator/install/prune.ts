/** A CronJob that removes artifacts and prepared data sets that no experiment refers to, with an account that may only list experiments. */
import { GROUP, PLURAL } from '@carpal/configs/names.ts';
import { clusterScopedName, LABELS, type ManifestSettings } from './manifest-settings.ts';
import { DNS, POD_IDENTITY, tcp, toStore } from './network-peer.ts';
import { bindingTo, roleOf } from './rbac.ts';
import { storePod } from './store-pod.ts';

/** When `carpal artifacts prune` runs, as a CronJob's schedule. */
export const PRUNE_SCHEDULE = '17 3 * * *';
/** What is removed must be without use for this time. */
const OLDER_THAN = '14d';

const nameOf = ({ watchNamespace }: ManifestSettings): string =>
  watchNamespace === undefined ? 'carpal-prune' : `carpal-prune-${watchNamespace}`;
const PRUNE_LABELS = { ...LABELS, 'app.kubernetes.io/component': 'prune' };
const RULES = [{ apiGroups: [GROUP], resources: [PLURAL], verbs: ['list'] }];

const subjectOf = (settings: ManifestSettings): object => ({
  kind: 'ServiceAccount',
  name: nameOf(settings),
  namespace: settings.namespace,
});

/** The right to list the experiments of all namespaces; none if the operator watches one. */
export function clusterPruneObjects(settings: ManifestSettings): readonly object[] {
  if (settings.watchNamespace !== undefined) return [];
  const name = clusterScopedName('carpal-prune', settings);
  return [
    roleOf('ClusterRole', { name }, RULES),
    bindingTo('ClusterRoleBinding', { name }, { kind: 'ClusterRole', name }, subjectOf(settings)),
  ];
}

export function pruneObjects(settings: ManifestSettings, schedule = PRUNE_SCHEDULE): readonly object[] {
  const { namespace, watchNamespace, storePeers, env } = settings;
  const name = nameOf(settings);
  const metadata = { name, namespace, labels: PRUNE_LABELS };
  const matchLabels = { ...PRUNE_LABELS, 'app.kubernetes.io/instance': name };
  const { container, spec } = storePod(settings);
  const watched = { name, namespace: watchNamespace };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    ...(watchNamespace === undefined
      ? []
      : [roleOf('Role', watched, RULES), bindingTo('RoleBinding', watched, { kind: 'Role', name }, subjectOf(settings))]),
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata,
      spec: {
        podSelector: { matchLabels },
        policyTypes: ['Ingress', 'Egress'],
        egress: [DNS, { ports: [tcp(443), tcp(6443)] }, ...toStore(storePeers, env), POD_IDENTITY],
      },
    },
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata,
      spec: {
        schedule,
        concurrencyPolicy: 'Forbid',
        startingDeadlineSeconds: 3600,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 3,
        jobTemplate: {
          spec: {
            backoffLimit: 0,
            activeDeadlineSeconds: 6 * 3600,
            template: {
              metadata: { labels: matchLabels },
              spec: {
                ...spec,
                restartPolicy: 'Never',
                serviceAccountName: name,
                containers: [
                  {
                    name: 'prune',
                    ...container,
                    // Without --yes it lists what it would remove.
                    args: [
                      ...['artifacts', 'prune', `--older-than=${OLDER_THAN}`, '--yes'],
                      ...(watchNamespace === undefined ? [] : [`--namespace=${watchNamespace}`]),
                    ],
                    resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '512Mi' } },
                  },
                ],
              },
            },
          },
        },
      },
    },
  ];
}
