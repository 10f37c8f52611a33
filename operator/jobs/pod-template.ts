/** The pod of a stage: one container that may only compute, within Pod Security's "restricted". */
import { ATTEMPT_VARIABLE, FILE, LABEL } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { PlannedStart } from '../experiment/next-starts.ts';
import { configMapName, SPEC_FOLDER } from './config-map.ts';
import { attemptLabels, uidOf } from './ownership.ts';
import { placementOf, type StagePlacement } from './placement.ts';
import { CONTAINER_SECURITY, POD_SECURITY } from './pod-security.ts';
import type { StageSettings } from './stage-settings.ts';

export const STAGE_CONTAINER = 'stage';
/** The only place besides the store that a stage may write to: one volume for temporary files and for files of libraries in $HOME. */
const SCRATCH = '/tmp';

export type PodTemplate = {
  readonly metadata: { readonly labels: Readonly<Record<string, string>>; readonly annotations: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
};

/** The template of an attempt's single pod. */
export function podTemplate(experiment: SegmentationExperiment, attempt: PlannedStart, settings: StageSettings): PodTemplate {
  const { serviceAccountName } = experiment.spec.placement;
  const placement = placementOf(experiment, attempt.stage, settings);
  const mounts = mountsOf(experiment, placement, settings);
  const pullSecrets = settings.imagePullSecrets ?? [];
  return {
    metadata: {
      labels: attemptLabels(experiment, attempt),
      annotations: { 'kubectl.kubernetes.io/default-container': STAGE_CONTAINER, ...placement.annotations },
    },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: settings.graceSeconds,
      serviceAccountName: serviceAccountName === '' ? settings.defaultServiceAccountName : serviceAccountName,
      // A stage never calls the API server. Pod Identity and IRSA mount their own token for the store.
      automountServiceAccountToken: false,
      // One variable per Service of the namespace would only enlarge the environment.
      enableServiceLinks: false,
      securityContext: { ...POD_SECURITY, fsGroupChangePolicy: 'OnRootMismatch' },
      ...(pullSecrets.length === 0 ? {} : { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
      containers: [containerOf(attempt, placement, settings, mounts)],
      volumes: mounts.map(({ volume }) => volume),
      ...nodesOf(placement),
      ...(attempt.stage === 'fold' ? foldSpread(experiment) : {}),
    },
  };
}

function containerOf(attempt: PlannedStart, placement: StagePlacement, settings: StageSettings, mounts: readonly Mount[]): object {
  return {
    name: STAGE_CONTAINER,
    image: settings.image,
    imagePullPolicy: settings.imagePullPolicy,
    args: argumentsOf(attempt, settings.artifactsUri),
    env: environmentOf(settings, attempt, placement.gpus),
    ...(settings.artifactsSecretName === undefined ? {} : { envFrom: [{ secretRef: { name: settings.artifactsSecretName } }] }),
    resources: resourcesOf(placement),
    volumeMounts: mounts.map(({ mount }) => mount),
    // Puts the last lines of the log into the pod's status even if the stage could not report its error.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: CONTAINER_SECURITY,
  };
}

function argumentsOf({ stage, fold }: PlannedStart, artifactsUri: string): readonly string[] {
  const common = [stage, '--experiment', `${SPEC_FOLDER}/${FILE.experiment}`, '--artifacts', artifactsUri];
  return fold === undefined ? common : [...common, '--fold', String(fold)];
}

function environmentOf(settings: StageSettings, { attempt }: PlannedStart, gpus: number): readonly { name: string; value: string }[] {
  // The number of the attempt is not an argument: an experiment keeps the image with which it began, and an older stage would reject it.
  const own: Record<string, string> = { HOME: SCRATCH, TMPDIR: SCRATCH, [ATTEMPT_VARIABLE]: String(attempt) };
  // If the NVIDIA runtime is the node's default, it shows all GPUs to an image made for CUDA, requested or not.
  if (gpus === 0) own['NVIDIA_VISIBLE_DEVICES'] = 'void';
  return Object.entries({ ...own, ...settings.env }).map(([name, value]) => ({ name, value }));
}

type Resources = { readonly requests: Readonly<Record<string, string>>; readonly limits: Readonly<Record<string, string>> };

/**
 * No CPU limit: throttling a training that could use idle cores has no benefit. The other limits equal the requests, so that a stage cannot
 * take from others on its node what it did not request.
 */
function resourcesOf({ cpu, memory, ephemeralStorage, gpus }: StagePlacement): Resources {
  const limits = { memory, 'ephemeral-storage': ephemeralStorage, ...(gpus > 0 ? { 'nvidia.com/gpu': String(gpus) } : {}) };
  return { requests: { cpu, ...limits }, limits };
}

type Mount = { readonly volume: Record<string, unknown>; readonly mount: Record<string, unknown> };

function mountsOf(experiment: SegmentationExperiment, { ephemeralStorage }: StagePlacement, settings: StageSettings): readonly Mount[] {
  const claims = (settings.volumes ?? []).map(({ claimName, mountPath, readOnly = false }, index): Mount => {
    const name = `claim-${index}`;
    return { volume: { name, persistentVolumeClaim: { claimName, readOnly } }, mount: { name, mountPath, readOnly } };
  });
  return [
    {
      volume: { name: 'spec', configMap: { name: configMapName(experiment) } },
      mount: { name: 'spec', mountPath: SPEC_FOLDER, readOnly: true },
    },
    { volume: { name: 'tmp', emptyDir: { sizeLimit: ephemeralStorage } }, mount: { name: 'tmp', mountPath: SCRATCH } },
    {
      volume: { name: 'shared-memory', emptyDir: { medium: 'Memory', sizeLimit: settings.sharedMemory } },
      mount: { name: 'shared-memory', mountPath: '/dev/shm' },
    },
    ...claims,
  ];
}

/** The pod fields that decide on which nodes it may run, and whom it may preempt. */
function nodesOf({ nodeSelector, tolerations, priorityClassName }: StagePlacement): object {
  return {
    ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector }),
    ...(tolerations.length === 0 ? {} : { tolerations }),
    ...(priorityClassName === '' ? {} : { priorityClassName }),
  };
}

/**
 * Spreads the folds of an experiment over zones.
 *
 * - Folds do not communicate, so running them on one node or rack has no benefit. Spot capacity is reclaimed per zone: an experiment that is
 *   spread over zones loses only some of its folds at a time. This is a preference: if only one zone has GPUs, all folds run there.
 * - The scheduler chooses the nodes. Pod affinity is its slowest rule, and several GPUs of one node serve several folds well.
 */
function foldSpread(experiment: SegmentationExperiment): object {
  return {
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: { [LABEL.experimentUid]: uidOf(experiment), [LABEL.stage]: 'fold' } },
      },
    ],
  };
}
