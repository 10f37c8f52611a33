/** What the pods of an installation have in common: carpal's image, access to the artifact store, and the Pod Security level "restricted". */
import { CONTAINER_SECURITY, POD_SECURITY } from '../jobs/pod-security.ts';
import { artifactsVolume } from '../jobs/stage-settings.ts';
import type { ManifestSettings } from './manifest-settings.ts';

export type StorePod = { readonly container: object; readonly spec: object };

/** Fields of the container and of the pod. Throws `usage-invalid` if the settings name a claim and a store that is not a folder. */
export function storePod(settings: ManifestSettings, variables: readonly object[] = []): StorePod {
  const { image, artifactsUri, artifactsSecretName, artifactsClaimName, pullSecretName, env } = settings;
  const claim = artifactsClaimName === undefined ? undefined : artifactsVolume(artifactsClaimName, artifactsUri);
  return {
    container: {
      image,
      env: [
        ...variables,
        { name: 'CARPAL_ARTIFACTS', value: artifactsUri },
        ...Object.entries(env).map(([name, value]) => ({ name, value })),
      ],
      ...(artifactsSecretName === undefined ? {} : { envFrom: [{ secretRef: { name: artifactsSecretName } }] }),
      securityContext: CONTAINER_SECURITY,
      volumeMounts: [
        { name: 'tmp', mountPath: '/tmp' },
        ...(claim === undefined ? [] : [{ name: 'artifacts', mountPath: claim.mountPath }]),
      ],
    },
    spec: {
      enableServiceLinks: false,
      securityContext: POD_SECURITY,
      ...(pullSecretName === undefined ? {} : { imagePullSecrets: [{ name: pullSecretName }] }),
      volumes: [
        { name: 'tmp', emptyDir: { sizeLimit: '256Mi' } },
        ...(claim === undefined ? [] : [{ name: 'artifacts', persistentVolumeClaim: { claimName: claim.claimName } }]),
      ],
    },
  };
}
