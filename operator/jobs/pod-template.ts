/** The pod of a stage: one container that may do nothing but compute, within Pod Security's "restricted". */
import { FILE } from '@carpal/configs/names.ts';
import type { PlacementSpec, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { PlannedStart } from '../experiment/next-starts.ts';
import { configMapName, SPEC_FOLDER } from './config-map.ts';
import { foldPlacement } from './fold-placement.ts';
import { attemptLabels } from './stage-labels.ts';
import type { StageSettings } from './stage-settings.ts';

export const STAGE_CONTAINER = 'stage';
/** The user of the image; a number, since a name cannot be checked against runAsNonRoot. */
const USER = 10001;
/** All that a stage may write to beside the store: one volume for temporary files and for what libraries keep at home. */
const SCRATCH = '/tmp';

export type PodTemplate = {
  readonly metadata: { readonly labels: Readonly<Record<string, string>>; readonly annotations: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
};

type Resources = { readonly requests: Readonly<Record<string, string>>; readonly limits: Readonly<Record<string, string>> };

/** No limit on cpu: throttling a training that could use idle cores helps nobody. Memory is limited to what was asked for. */
function resourcesOf(cpu: string, memory: string, gpus: number): Resources {
  const gpu = gpus > 0 ? { 'nvidia.com/gpu': String(gpus) } : {};
  return { requests: { cpu, memory, ...gpu }, limits: { memory, ...gpu } };
}

function argumentsOf({ stage, fold }: PlannedStart, artifactsUri: string): readonly string[] {
  const common = [stage, '--experiment', `${SPEC_FOLDER}/${FILE.experiment}`, '--artifacts', artifactsUri];
  return fold === undefined ? common : [...common, '--fold', String(fold)];
}

function environmentOf(settings: StageSettings, gpus: number): readonly { name: string; value: string }[] {
  const own: Record<string, string> = { HOME: SCRATCH, TMPDIR: SCRATCH };
  // Where the NVIDIA runtime is the node's default it would show every GPU to an image made for CUDA, asked for or not.
  if (gpus === 0) own['NVIDIA_VISIBLE_DEVICES'] = 'void';
  return Object.entries({ ...own, ...settings.env }).map(([name, value]) => ({ name, value }));
}

type Mount = { readonly volume: Record<string, unknown>; readonly mount: Record<string, unknown> };

function mountsOf(experiment: SegmentationExperiment, settings: StageSettings): readonly Mount[] {
  const claims = (settings.volumes ?? []).map(({ claimName, mountPath, readOnly = false }, index): Mount => {
    const name = `claim-${index}`;
    return { volume: { name, persistentVolumeClaim: { claimName, readOnly } }, mount: { name, mountPath, readOnly } };
  });
  return [
    {
      volume: { name: 'spec', configMap: { name: configMapName(experiment) } },
      mount: { name: 'spec', mountPath: SPEC_FOLDER, readOnly: true },
    },
    { volume: { name: 'tmp', emptyDir: {} }, mount: { name: 'tmp', mountPath: SCRATCH } },
    {
      volume: { name: 'shared-memory', emptyDir: { medium: 'Memory', sizeLimit: settings.sharedMemory } },
      mount: { name: 'shared-memory', mountPath: '/dev/shm' },
    },
    ...claims,
  ];
}

function containerOf(attempt: PlannedStart, placement: PlacementSpec, settings: StageSettings, mounts: readonly Mount[]): object {
  const isFold = attempt.stage === 'fold';
  const gpus = isFold ? placement.gpus : 0;
  const { cpu, memory } = isFold ? placement : settings.cpuStage;
  return {
    name: STAGE_CONTAINER,
    image: settings.image,
    imagePullPolicy: settings.imagePullPolicy,
    args: argumentsOf(attempt, settings.artifactsUri),
    env: environmentOf(settings, gpus),
    ...(settings.artifactsSecretName === undefined ? {} : { envFrom: [{ secretRef: { name: settings.artifactsSecretName } }] }),
    resources: resourcesOf(cpu, memory, gpus),
    volumeMounts: mounts.map(({ mount }) => mount),
    // The last lines of the log are in the pod's status even when the stage had no time to say anything.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  };
}

/** The template of an attempt's one pod. Only folds get the experiment's placement: the other stages need neither GPU nor GPU node. */
export function podTemplate(experiment: SegmentationExperiment, attempt: PlannedStart, settings: StageSettings): PodTemplate {
  const { placement } = experiment.spec;
  const mounts = mountsOf(experiment, settings);
  const placed = attempt.stage === 'fold' ? foldPlacement(experiment) : { annotations: {}, spec: {} };
  const pullSecrets = settings.imagePullSecrets ?? [];
  return {
    metadata: {
      labels: attemptLabels(experiment, attempt),
      annotations: { 'kubectl.kubernetes.io/default-container': STAGE_CONTAINER, ...placed.annotations },
    },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: settings.graceSeconds,
      serviceAccountName: placement.serviceAccountName === '' ? settings.defaultServiceAccountName : placement.serviceAccountName,
      // A stage never calls the API server. Pod Identity and IRSA bring a token of their own for the store.
      automountServiceAccountToken: false,
      // Variables for every Service of the namespace only lengthen the environment.
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER,
        runAsGroup: USER,
        fsGroup: USER,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...(pullSecrets.length === 0 ? {} : { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
      containers: [containerOf(attempt, placement, settings, mounts)],
      volumes: mounts.map(({ volume }) => volume),
      ...placed.spec,
    },
  };
}
