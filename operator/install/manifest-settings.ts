/** The settings of an installation, and how everything that it installs is named and labelled. */
import type { StageDefaults } from '@carpal/configs/environment.ts';
import { operatorName } from '../controller/operator-name.ts';
import type { NetworkPeer } from './network-peer.ts';

export const OPERATOR_NAMESPACE = 'carpal-system';
export const STAGE_ACCOUNT = 'carpal-stage';

/** Where the operator answers health checks and Prometheus. The number is the default of `carpal operator --port`. */
export const METRICS_PORT = { name: 'metrics', number: 8080 } as const;

export const LABELS = { 'app.kubernetes.io/name': 'carpal', 'app.kubernetes.io/part-of': 'carpal' } as const;

/** Labels of objects that all operators share. The pods of stages have another component. */
export const OPERATOR_LABELS = { ...LABELS, 'app.kubernetes.io/component': 'operator' } as const;

/** Labels of a namespace whose pods need no more than the Pod Security level "restricted" allows. */
export const POD_SECURITY_LABELS: Readonly<Record<string, string>> = Object.fromEntries(
  ['enforce', 'audit', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']),
);

/** Which operator of a cluster an object belongs to. */
export type InstalledOperator = {
  /** The namespace in which the operator runs. */
  readonly namespace: string;
  /** The only namespace whose experiments it runs; absent for all namespaces. */
  readonly watchNamespace?: string;
};

export type ManifestSettings = InstalledOperator & {
  /** The image of the operator and of every stage. Use a digest, so that all replicas and retries run the same image. */
  readonly image: string;
  /** `s3://bucket/prefix`, or the folder at which the claim is mounted. */
  readonly artifactsUri: string;
  /**
   * A PersistentVolumeClaim with access mode ReadWriteMany, in the operator's namespace and in each namespace of experiments, all for one
   * shared disk.
   */
  readonly artifactsClaimName?: string;
  /** A Secret with the credentials of the artifact store, in the same namespaces. Absent with Pod Identity or IRSA. */
  readonly artifactsSecretName?: string;
  /** A Secret for the image's registry, in the same namespaces. */
  readonly pullSecretName?: string;
  /** Environment variables of the operator and of every stage, such as AWS_REGION. */
  readonly env: Readonly<Record<string, string>>;
  /** What the operator gives the stages. */
  readonly stages: StageDefaults;
  /** Where the servers of the artifact store and of the data sets are. Absent: anywhere, on port 443 or the port of AWS_ENDPOINT_URL_S3. */
  readonly storePeers?: readonly NetworkPeer[];
  /** An MLflow server that is not on port 443. */
  readonly mlflowPeer?: NetworkPeer;
};

/** Placeholders for a missing image or store. An overlay or an option replaces them. */
export const PLACEHOLDER = { image: 'carpal', artifactsUri: 's3://your-bucket/carpal' } as const;

export function manifestSettings(given: Partial<ManifestSettings> = {}): ManifestSettings {
  return { namespace: OPERATOR_NAMESPACE, ...PLACEHOLDER, env: {}, stages: { prepare: {} }, ...given };
}

/** The name of an object of the cluster that belongs to one operator. Two installations never have the same. */
export function clusterScopedName(name: string, { namespace, watchNamespace }: InstalledOperator): string {
  return [name, ...(watchNamespace === undefined ? [] : [watchNamespace]), namespace].join('.');
}

/** The operator's service account, as the subject of a binding. */
export function operatorAccount({ namespace, watchNamespace }: InstalledOperator): object {
  return { kind: 'ServiceAccount', name: operatorName(watchNamespace), namespace };
}

/** The labels that select the pods of this operator and no other pods. */
export function operatorSelector({ watchNamespace }: Pick<InstalledOperator, 'watchNamespace'>): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/name': 'carpal',
    'app.kubernetes.io/component': 'operator',
    'app.kubernetes.io/instance': operatorName(watchNamespace),
  };
}

/** The metadata of an object that belongs to one operator. */
export function operatorMetadata(settings: InstalledOperator): {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
} {
  return {
    name: operatorName(settings.watchNamespace),
    namespace: settings.namespace,
    labels: { ...OPERATOR_LABELS, ...operatorSelector(settings) },
  };
}
