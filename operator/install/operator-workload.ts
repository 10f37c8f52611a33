/**
 * The operator as it runs in a cluster: two replicas, one of them the leader, on different nodes, within the Pod Security level
 * "restricted".
 */
import { CONTAINER_SECURITY, POD_SECURITY } from '../jobs/pod-security.ts';
import { artifactsVolume, type ClaimedVolume } from '../jobs/stage-settings.ts';
import { LABELS, type ManifestSettings, METRICS_PORT, operatorMetadata, operatorSelector } from './manifest-settings.ts';

/**
 * Keeps the memory of the operator's process low. The C library gets two arenas; by default it opens several per thread and returns none.
 * The young generation of the heap is small, because few objects outlive a step. With both settings, 200 active experiments take 172 MB
 * instead of 298 MB.
 */
export const MEMORY_SETTINGS: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '2', NODE_OPTIONS: '--max-semi-space-size=8' };

/** The operator's namespace. Its pods need no more than the level "restricted" allows. */
export function operatorNamespace(namespace: string): object {
  const level = (mode: string): [string, string] => [`pod-security.kubernetes.io/${mode}`, 'restricted'];
  const podSecurity = Object.fromEntries(['enforce', 'audit', 'warn'].map(level));
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { ...LABELS, ...podSecurity } } };
}

const probe = (path: string): object => ({ httpGet: { path, port: METRICS_PORT.name } });

function argumentsOf({
  artifactsSecretName,
  artifactsClaimName,
  pullSecretName,
  watchNamespace,
  env,
}: ManifestSettings): readonly string[] {
  return [
    'operator',
    ...(watchNamespace === undefined ? [] : [`--watch-namespace=${watchNamespace}`]),
    ...(artifactsSecretName === undefined ? [] : [`--artifacts-secret=${artifactsSecretName}`]),
    ...(artifactsClaimName === undefined ? [] : [`--artifacts-claim=${artifactsClaimName}`]),
    ...(pullSecretName === undefined ? [] : [`--pull-secret=${pullSecretName}`]),
    ...Object.entries(env).map(([name, value]) => `--stage-env=${name}=${value}`),
  ];
}

function environmentOf({ image, artifactsUri, env }: ManifestSettings): readonly object[] {
  return [
    { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'CARPAL_IMAGE', value: image },
    { name: 'CARPAL_ARTIFACTS', value: artifactsUri },
    ...Object.entries({ ...MEMORY_SETTINGS, ...env }).map(([name, value]) => ({ name, value })),
  ];
}

function containerOf(settings: ManifestSettings, claim: ClaimedVolume | undefined): object {
  const { image, artifactsSecretName: secret } = settings;
  return {
    name: 'operator',
    image,
    args: argumentsOf(settings),
    env: environmentOf(settings),
    ...(secret === undefined ? {} : { envFrom: [{ secretRef: { name: secret } }] }),
    ports: [{ name: METRICS_PORT.name, containerPort: METRICS_PORT.number, protocol: 'TCP' }],
    startupProbe: { ...probe('/healthz'), periodSeconds: 2, failureThreshold: 30 },
    livenessProbe: { ...probe('/healthz'), periodSeconds: 20, timeoutSeconds: 5, failureThreshold: 3 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 10, timeoutSeconds: 5 },
    // 1,000 experiments with 5 folds take 300 MB. There is no CPU limit: a throttled leader loses its Lease.
    resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '512Mi' } },
    securityContext: CONTAINER_SECURITY,
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }, ...(claim === undefined ? [] : [{ name: 'artifacts', mountPath: claim.mountPath }])],
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
  const { artifactsClaimName, artifactsUri, pullSecretName } = settings;
  const metadata = operatorMetadata(settings);
  const matchLabels = operatorSelector(settings);
  const claim = artifactsClaimName === undefined ? undefined : artifactsVolume(artifactsClaimName, artifactsUri);
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
          serviceAccountName: metadata.name,
          terminationGracePeriodSeconds: 40,
          enableServiceLinks: false,
          securityContext: POD_SECURITY,
          topologySpreadConstraints: spread(matchLabels),
          ...(pullSecretName === undefined ? {} : { imagePullSecrets: [{ name: pullSecretName }] }),
          containers: [containerOf(settings, claim)],
          volumes: [
            { name: 'tmp', emptyDir: { sizeLimit: '256Mi' } },
            ...(claim === undefined ? [] : [{ name: 'artifacts', persistentVolumeClaim: { claimName: claim.claimName } }]),
          ],
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
