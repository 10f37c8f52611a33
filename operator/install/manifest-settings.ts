/** The settings of an installation, and how everything that it installs is named and labelled. */
import { operatorName } from '../controller/operator-name.ts';

export const OPERATOR_NAMESPACE = 'carpal-system';
export const STAGE_ACCOUNT = 'carpal-stage';

/** Where the operator answers health checks and Prometheus. The number is the default of `carpal operator --port`. */
export const METRICS_PORT = { name: 'metrics', number: 8080 } as const;

export const LABELS = { 'app.kubernetes.io/name': 'carpal', 'app.kubernetes.io/part-of': 'carpal' } as const;

/** Labels of objects that all operators share. The pods of stages have another component. */
export const OPERATOR_LABELS = { ...LABELS, 'app.kubernetes.io/component': 'operator' } as const;

export type ManifestSettings = {
  /** The namespace of the operator. */
  readonly namespace: string;
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
  /** The only namespace whose experiments the operator runs; absent for all namespaces. */
  readonly watchNamespace?: string;
  /** Environment variables of the operator and of every stage, such as AWS_REGION. */
  readonly env: Readonly<Record<string, string>>;
};

/** Placeholders for a missing image or store. An overlay or an option replaces them. */
export const PLACEHOLDER = { image: 'carpal', artifactsUri: 's3://your-bucket/carpal' } as const;

export function manifestSettings(given: Partial<ManifestSettings> = {}): ManifestSettings {
  return { namespace: OPERATOR_NAMESPACE, ...PLACEHOLDER, env: {}, ...given };
}

type OperatorSettings = Pick<ManifestSettings, 'namespace' | 'watchNamespace'>;

/** The labels that select the pods of this operator and no other pods. */
export function operatorSelector({ watchNamespace }: Pick<OperatorSettings, 'watchNamespace'>): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/name': 'carpal',
    'app.kubernetes.io/component': 'operator',
    'app.kubernetes.io/instance': operatorName(watchNamespace),
  };
}

/** The metadata of an object that belongs to one operator. */
export function operatorMetadata(settings: OperatorSettings): {
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
