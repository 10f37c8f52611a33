/** What the operator's configuration says of every stage's pod; what an experiment may say for itself is in spec.placement. */
import { storeFolder } from '@carpal/artifacts/store-folder.ts';
import { CarpalError } from '@carpal/configs/errors.ts';

/** A claim of the stage's namespace, for artifacts, and data sets beside them, that lie on a shared disk instead of S3. */
export type ClaimedVolume = { readonly claimName: string; readonly mountPath: string; readonly readOnly?: boolean };

export type StageSettings = {
  /**
   * Of experiments that begin; all attempts of one run what its first did (`status.image`). By digest (`repository@sha256:…`), since a tag may
   * come to mean something else.
   */
  readonly image: string;
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** Secrets for a registry that asks who you are. */
  readonly imagePullSecrets?: readonly string[];
  /** What `--artifacts` gets. */
  readonly artifactsUri: string;
  /** A Secret of the experiment's namespace whose keys become variables (AWS_ACCESS_KEY_ID, …). Absent with Pod Identity or IRSA. */
  readonly artifactsSecretName?: string;
  /** For experiments whose placement names none. It needs no right on the API server. */
  readonly defaultServiceAccountName: string;
  /** From SIGTERM to SIGKILL. A Spot node gives two minutes in all; a checkpoint takes less than one. */
  readonly graceSeconds: number;
  /** Resources of prepare and ensemble, which need no GPU. The queue is theirs alone: a GPU queue would send them to GPU nodes. */
  readonly cpuStage: { readonly cpu: string; readonly memory: string; readonly queueName?: string };
  /** The size of /dev/shm; what is used of it counts against the memory limit. */
  readonly sharedMemory: string;
  readonly volumes?: readonly ClaimedVolume[];
  /** Variables of every stage, such as AWS_REGION and AWS_ENDPOINT_URL_S3. */
  readonly env: Readonly<Record<string, string>>;
};

/** Settings for a cluster of which nothing is known but the image and the store. */
export function stageSettings(given: Pick<StageSettings, 'image' | 'artifactsUri'> & Partial<StageSettings>): StageSettings {
  return {
    imagePullPolicy: 'IfNotPresent',
    defaultServiceAccountName: 'carpal-stage',
    graceSeconds: 100,
    cpuStage: { cpu: '2', memory: '8Gi' },
    sharedMemory: '1Gi',
    env: {},
    ...given,
  };
}

/**
 * The claim that an artifact store in a folder lies on, mounted where the store's URI says: `/path` or `file:///path`. Throws `usage-invalid`
 * where that is no place to mount anything at, and as `storeFolder`.
 */
export function artifactsVolume(claimName: string, artifactsUri: string): ClaimedVolume {
  const mountPath = storeFolder(artifactsUri);
  if (mountPath !== undefined && /^\/./.test(mountPath)) return { claimName, mountPath };
  throw new CarpalError('usage-invalid', `a claim cannot be mounted at ${artifactsUri}`, {
    where: '--artifacts-claim',
    fix: 'Give --artifacts as the folder to mount it at, such as /artifacts, or leave the claim out.',
  });
}
