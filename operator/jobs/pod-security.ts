/** The security contexts of every pod that carpal creates, stages and operator alike: they satisfy Pod Security's "restricted". */

/** The user of the image. A number, because the kubelet cannot check a name against runAsNonRoot. */
const USER = 10001;

export const POD_SECURITY = {
  runAsNonRoot: true,
  runAsUser: USER,
  runAsGroup: USER,
  fsGroup: USER,
  seccompProfile: { type: 'RuntimeDefault' },
} as const;

export const CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
} as const;
