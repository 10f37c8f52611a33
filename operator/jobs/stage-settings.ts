/** What the operator's configuration decides for the pods of all stages. What an experiment decides itself is in spec.placement. */
import { storeFolder } from '@carpal/artifacts/open-store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';

/** A claim in the stage's namespace: a shared disk that holds artifacts, and perhaps data sets, instead of S3. */
export type ClaimedVolume = { readonly claimName: string; readonly mountPath: string; readonly readOnly?: boolean };

export type StageSettings = {
  /**
   * The image of experiments that begin now; all attempts of an experiment use the image of its first (`status.image`). A digest
   * (`repository@sha256:…`) is best, because a tag may be moved to another image.
   */
  readonly image: string;
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** Secrets for a registry that requires credentials. */
  readonly imagePullSecrets?: readonly string[];
  /** The value of `--artifacts`. */
  readonly artifactsUri: string;
  /** A Secret of the experiment's namespace whose keys become variables (AWS_ACCESS_KEY_ID, …). Absent with Pod Identity or IRSA. */
  readonly artifactsSecretName?: string;
  /** For experiments whose placement names no service account. It needs no rights on the API server. */
  readonly defaultServiceAccountName: string;
  /** From SIGTERM to SIGKILL. A Spot node gives two minutes overall; a checkpoint takes less than one. */
  readonly graceSeconds: number;
  /**
   * Resources of the stage without a GPU, prepare, unless placement.prepare says otherwise. It has its own queue: a GPU queue would send it
   * to GPU nodes. Without a queue it starts at once; if Kueue manages Jobs without a queue, it needs one.
   */
  readonly cpuStage: { readonly cpu: string; readonly memory: string; readonly queueName?: string };
  /** The size of /dev/shm. Its content counts against the memory limit. */
  readonly sharedMemory: string;
  readonly volumes?: readonly ClaimedVolume[];
  /** Variables of every stage, such as AWS_REGION and AWS_ENDPOINT_URL_S3. */
  readonly env: Readonly<Record<string, string>>;
};

export const CPU_STAGE: StageSettings['cpuStage'] = { cpu: '2', memory: '8Gi' };

/** Settings with defaults for everything except the image and the store. */
export function stageSettings(given: Pick<StageSettings, 'image' | 'artifactsUri'> & Partial<StageSettings>): StageSettings {
  return {
    imagePullPolicy: 'IfNotPresent',
    defaultServiceAccountName: 'carpal-stage',
    graceSeconds: 100,
    cpuStage: CPU_STAGE,
    sharedMemory: '1Gi',
    env: {},
    ...given,
  };
}

/**
 * The claim that holds an artifact store in a folder, mounted at the path in the store's URI: `/path` or `file:///path`. Throws
 * `usage-invalid` if nothing can be mounted there, and the errors of `storeFolder`.
 */
export function artifactsVolume(claimName: string, artifactsUri: string): ClaimedVolume {
  const mountPath = storeFolder(artifactsUri);
  if (mountPath !== undefined && /^\/./.test(mountPath)) return { claimName, mountPath };
  throw new CarpalError('usage-invalid', `a claim cannot be mounted at ${artifactsUri}`, {
    where: '--artifacts-claim',
    fix: 'Give --artifacts as the folder to mount it at, such as /artifacts, or leave the claim out.',
  });
}

/** Whether a reference names an image by digest. A tag may move while experiments run; their attempts would then use different images. */
export function isDigest(image: string): boolean {
  return /@sha256:[0-9a-f]{64}$/.test(image);
}
