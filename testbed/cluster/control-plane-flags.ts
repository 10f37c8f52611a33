/** The command lines of the control plane's parts. All paths are relative to its folder, in which every part runs. */

/** Unix sockets in the folder instead of ports. The API server dials the host part of the address, so it needs this form. */
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

/** In megabytes: whoever reads the log wants one file, and a thousand experiments write a hundred. */
const AUDIT_SIZE = '--audit-log-maxsize=4000';

export type FlagOptions = {
  readonly port: number;
  /** Writes every request to the audit log; `tenants`: those of service accounts outside kube-system, not those of the cluster's own parts. */
  readonly audit: boolean | 'tenants';
  /** Raises the limits that a few hundred objects a second meet. */
  readonly forLoad: boolean;
  readonly featureGates: Readonly<Record<string, boolean>>;
  /** How long a node may be silent before its pods are given up. */
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
    // Nobody looks the API server up inside the cluster, and a loopback address may not stand in an Endpoints object.
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
    // Else kubectl logs looks the name of the node up.
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

/** The scheduler's limits towards the API server can be set in its configuration file only. */
export function schedulerConfiguration({ forLoad }: FlagOptions): object {
  return {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    leaderElection: { leaderElect: false },
    clientConnection: { kubeconfig: FILES.kubeconfig, qps: forLoad ? 1000 : 200, burst: forLoad ? 2000 : 400 },
  };
}

/** Administrators, and the controllers of the cluster. */
const OWN_GROUPS: readonly string[] = ['system:masters', 'system:serviceaccounts:kube-system'];

/** Finished requests once each, with their user agents and without their bodies. */
export function auditPolicy({ audit }: FlagOptions): object {
  const others = audit === 'tenants' ? [{ level: 'None', userGroups: OWN_GROUPS }] : [];
  return {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived', 'ResponseStarted', 'Panic'],
    rules: [...others, { level: 'Metadata' }],
  };
}
