/**
 * The command lines and configuration files of the control plane's parts. All paths are relative to its folder, in which every part runs.
 */

/** Unix sockets in the folder instead of ports. The API server connects to the host part of the address, so it needs this form. */
const ETCD_CLIENTS = 'unix://etcd-clients:1';
const ETCD_PEERS = 'unix://etcd-peers:1';

export const FILES = {
  certificates: 'certificates',
  serviceAccountKey: 'service-account.pem',
  tokens: 'tokens.csv',
  kubeconfig: 'kubeconfig.json',
  auditPolicy: 'audit-policy.json',
  auditLog: 'audit.ndjson',
  schedulerConfiguration: 'scheduler.json',
} as const;

/** In megabytes. Readers expect a single file, and a thousand experiments write a hundred megabytes. */
const AUDIT_SIZE = '--audit-log-maxsize=4000';

export type FlagOptions = {
  readonly port: number;
  /**
   * Whether to write requests to the audit log. `tenants`: only those of service accounts outside kube-system, not those of the cluster's
   * parts.
   */
  readonly audit: boolean | 'tenants';
  /** Raises the limits that a few hundred objects per second would reach. */
  readonly forLoad: boolean;
  readonly featureGates: Readonly<Record<string, boolean>>;
  /** How long a node may be silent before its pods are evicted. */
  readonly nodeGraceSeconds: number;
  readonly apiServerFlags: readonly string[];
  readonly controllerManagerFlags: readonly string[];
};

export function etcdFlags(): readonly string[] {
  return [
    '--data-dir=etcd',
    '--unsafe-no-fsync',
    `--listen-client-urls=${ETCD_CLIENTS}`,
    `--advertise-client-urls=${ETCD_CLIENTS}`,
    `--listen-peer-urls=${ETCD_PEERS}`,
    `--initial-advertise-peer-urls=${ETCD_PEERS}`,
    `--initial-cluster=default=${ETCD_PEERS}`,
    '--log-level=warn',
  ];
}

const gates = ({ featureGates }: FlagOptions): readonly string[] => {
  const text = Object.entries(featureGates).map(([name, isOn]) => `${name}=${isOn}`);
  return text.length === 0 ? [] : [`--feature-gates=${text.join(',')}`];
};

export function apiServerFlags(options: FlagOptions): readonly string[] {
  return [
    `--etcd-servers=${ETCD_CLIENTS}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    // No client looks up the API server inside the cluster, and an Endpoints object must not contain a loopback address.
    '--endpoint-reconciler-type=none',
    `--secure-port=${options.port}`,
    `--cert-dir=${FILES.certificates}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${FILES.serviceAccountKey}`,
    `--service-account-signing-key-file=${FILES.serviceAccountKey}`,
    `--token-auth-file=${FILES.tokens}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--allow-privileged',
    // Otherwise kubectl logs resolves the node's name.
    '--kubelet-preferred-address-types=InternalIP',
    ...(options.audit !== false
      ? [`--audit-policy-file=${FILES.auditPolicy}`, `--audit-log-path=${FILES.auditLog}`, '--audit-log-mode=blocking', AUDIT_SIZE]
      : []),
    ...(options.forLoad ? ['--max-requests-inflight=1000', '--max-mutating-requests-inflight=500'] : []),
    ...gates(options),
    ...options.apiServerFlags,
  ];
}

export function controllerManagerFlags(options: FlagOptions): readonly string[] {
  return [
    `--kubeconfig=${FILES.kubeconfig}`,
    `--service-account-private-key-file=${FILES.serviceAccountKey}`,
    '--use-service-account-credentials',
    '--leader-elect=false',
    '--secure-port=0',
    '--controllers=*,-node-ipam-controller,-cloud-node-lifecycle-controller',
    `--node-monitor-grace-period=${options.nodeGraceSeconds}s`,
    '--node-monitor-period=1s',
    ...(options.forLoad
      ? ['--kube-api-qps=1000', '--kube-api-burst=2000', '--concurrent-job-syncs=20', '--concurrent-gc-syncs=40']
      : ['--kube-api-qps=200', '--kube-api-burst=400']),
    ...gates(options),
    ...options.controllerManagerFlags,
  ];
}

export function schedulerFlags(options: FlagOptions): readonly string[] {
  return [`--config=${FILES.schedulerConfiguration}`, '--secure-port=0', ...gates(options)];
}

/** The scheduler's client limits can only be set in its configuration file. */
export function schedulerConfiguration({ forLoad }: FlagOptions): object {
  return {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    leaderElection: { leaderElect: false },
    clientConnection: { kubeconfig: FILES.kubeconfig, qps: forLoad ? 1000 : 200, burst: forLoad ? 2000 : 400 },
  };
}

/** Administrators and the cluster's controllers. */
const OWN_GROUPS: readonly string[] = ['system:masters', 'system:serviceaccounts:kube-system'];

/** Logs each finished request once, with its user agent and without its body. */
export function auditPolicy({ audit }: FlagOptions): object {
  const others = audit === 'tenants' ? [{ level: 'None', userGroups: OWN_GROUPS }] : [];
  return {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived', 'ResponseStarted', 'Panic'],
    rules: [...others, { level: 'Metadata' }],
  };
}

/** A kubeconfig with a token, as JSON, which all clients read as YAML. */
export function kubeconfigText({
  server,
  certificateAuthority,
  token,
}: {
  readonly server: string;
  readonly certificateAuthority: string;
  readonly token: string;
}): string {
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: 'local', cluster: { server, 'certificate-authority-data': Buffer.from(certificateAuthority).toString('base64') } },
      ],
      users: [{ name: 'user', user: { token } }],
      contexts: [{ name: 'local', context: { cluster: 'local', user: 'user' } }],
      'current-context': 'local',
    },
    null,
    2,
  )}\n`;
}
