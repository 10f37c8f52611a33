/**
 * The operator as it runs in a cluster: two replicas, one of them the leader, on different nodes, within the Pod Security level
 * "restricted".
 */
import {
  LABELS,
  type ManifestSettings,
  METRICS_PORT,
  operatorMetadata,
  operatorSelector,
  POD_SECURITY_LABELS,
} from './manifest-settings.ts';
import { storePod } from './store-pod.ts';

/**
 * Keeps the memory of the operator's process low. The C library gets two arenas; by default it opens several per thread and returns none.
 * The young generation of the heap is small, because few objects outlive a step. With both settings, 200 active experiments take 172 MB
 * instead of 298 MB.
 */
export const MEMORY_SETTINGS: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '2', NODE_OPTIONS: '--max-semi-space-size=8' };

/** The operator's namespace. */
export function operatorNamespace(namespace: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { ...LABELS, ...POD_SECURITY_LABELS } } };
}

const probe = (path: string): object => ({ httpGet: { path, port: METRICS_PORT.name } });

function argumentsOf({
  artifactsSecretName,
  artifactsClaimName,
  pullSecretName,
  watchNamespace,
  stages: { prepare, graceSeconds, sharedMemory },
  env,
}: ManifestSettings): readonly string[] {
  const given = (option: string, value: string | number | undefined): readonly string[] =>
    value === undefined ? [] : [`--${option}=${value}`];
  return [
    'operator',
    ...given('watch-namespace', watchNamespace),
    ...given('artifacts-secret', artifactsSecretName),
    ...given('artifacts-claim', artifactsClaimName),
    ...given('pull-secret', pullSecretName),
    ...given('prepare-cpu', prepare.cpu),
    ...given('prepare-memory', prepare.memory),
    ...given('prepare-queue', prepare.queueName),
    ...given('grace-seconds', graceSeconds),
    ...given('shared-memory', sharedMemory),
    ...Object.entries(env).map(([name, value]) => `--stage-env=${name}=${value}`),
  ];
}

/** The variables of the operator besides those that it shares with stages. */
const variablesOf = ({ image }: ManifestSettings): readonly object[] => [
  { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  { name: 'CARPAL_IMAGE', value: image },
  ...Object.entries(MEMORY_SETTINGS).map(([name, value]) => ({ name, value })),
];

function containerOf(settings: ManifestSettings, common: object): object {
  return {
    name: 'operator',
    ...common,
    args: argumentsOf(settings),
    ports: [{ name: METRICS_PORT.name, containerPort: METRICS_PORT.number, protocol: 'TCP' }],
    startupProbe: { ...probe('/healthz'), periodSeconds: 2, failureThreshold: 30 },
    livenessProbe: { ...probe('/healthz'), periodSeconds: 20, timeoutSeconds: 5, failureThreshold: 3 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 10, timeoutSeconds: 5 },
    // 1,000 experiments with 5 folds take 300 MB. There is no CPU limit: a throttled leader loses its Lease.
    resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '512Mi' } },
  };
}

/** Prefers replicas on different nodes and in different zones. On a single node both run there. */
const spread = (matchLabels: Readonly<Record<string, string>>): readonly object[] =>
  ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels },
  }));

/** Throws `usage-invalid` if the settings name a claim and a store that is not a folder. */
export function operatorDeployment(settings: ManifestSettings): object {
  const { container, spec } = storePod(settings, variablesOf(settings));
  const metadata = operatorMetadata(settings);
  const matchLabels = operatorSelector(settings);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: {
      replicas: 2,
      selector: { matchLabels },
      // The new replica is ready before an old one stops.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      revisionHistoryLimit: 5,
      template: {
        metadata: { labels: metadata.labels, annotations: { 'kubectl.kubernetes.io/default-container': 'operator' } },
        spec: {
          ...spec,
          serviceAccountName: metadata.name,
          terminationGracePeriodSeconds: 40,
          topologySpreadConstraints: spread(matchLabels),
          containers: [containerOf(settings, container)],
        },
      },
    },
  };
}

/** A node drain leaves one replica running. */
export function operatorDisruptionBudget(settings: ManifestSettings): object {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: operatorMetadata(settings),
    spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: { matchLabels: operatorSelector(settings) } },
  };
}
