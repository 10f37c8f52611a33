/** What an installation is made of. */
import { OPERATOR_NAMESPACE } from './labels.ts';

export type ManifestSettings = {
  /** Of the operator itself. */
  readonly namespace: string;
  /** What the operator and every stage run; by digest, so that all replicas and retries run the same. */
  readonly image: string;
  /** `s3://bucket/prefix`, or the folder at which the claim is mounted. */
  readonly artifactsUri: string;
  /** A claim that many may write at once, in the operator's namespace and in each of experiments, all of one shared disk. */
  readonly artifactsClaimName?: string;
  /** A Secret with the store's credentials, in the operator's namespace and in each of experiments. Absent with Pod Identity or IRSA. */
  readonly artifactsSecretName?: string;
  /** A Secret for the image's registry, in the same namespaces. */
  readonly pullSecretName?: string;
  /** The one namespace whose experiments it looks after; all of them where absent. */
  readonly watchNamespace?: string;
  /** Variables of the operator and of every stage, such as AWS_REGION. */
  readonly env: Readonly<Record<string, string>>;
};

/** What stands in place of an image and a store that nobody has named; an overlay or an option puts the true ones there. */
export const PLACEHOLDER = { image: 'carpal', artifactsUri: 's3://your-bucket/carpal' } as const;

export function manifestSettings(given: Partial<ManifestSettings> = {}): ManifestSettings {
  return { namespace: OPERATOR_NAMESPACE, ...PLACEHOLDER, env: {}, ...given };
}
