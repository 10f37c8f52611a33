/**
 * Names that two packages must agree on: Kubernetes labels, conditions and reasons, and keys in the artifact store. Changing a name breaks
 * running experiments: add names, do not rename.
 */
import type { StageName } from './schema/progress.ts';

export const GROUP = 'carpal.dev';
export const VERSION = 'v1alpha1';
export const PLURAL = 'segmentationexperiments';
export const SHORT_NAME = 'segx';
/** The resource of the API server that holds experiments. */
export const EXPERIMENTS = { group: GROUP, version: VERSION, plural: PLURAL } as const;

/** Labels of everything that belongs to an experiment. */
export const LABEL = {
  experiment: 'carpal.dev/experiment',
  experimentUid: 'carpal.dev/experiment-uid',
  stage: 'carpal.dev/stage',
  fold: 'carpal.dev/fold',
  attempt: 'carpal.dev/attempt',
  managedBy: 'app.kubernetes.io/managed-by',
  partOf: 'app.kubernetes.io/part-of',
} as const;

/** A finalizer of experiments that ask for it (run.deletionRemovesArtifacts): the operator removes the artifacts, then the finalizer. */
export const ARTIFACTS_FINALIZER = 'carpal.dev/artifacts';

/** Condition types, named as on batch/v1 Job where possible, so that `kubectl wait --for=condition=Complete` works. */
export const CONDITION = {
  prepared: 'Prepared',
  training: 'Training',
  suspended: 'Suspended',
  complete: 'Complete',
  failed: 'Failed',
  /** True while the operator does nothing for the experiment because it does not understand the manifest. */
  held: 'Held',
} as const;
export type ConditionType = (typeof CONDITION)[keyof typeof CONDITION];

/** Reasons of conditions and events, with their meaning. They are part of the contract: scripts match on them. */
export const REASONS = {
  Pending: 'Nothing has started yet.',
  Preparing: 'The prepare stage runs.',
  DatasetPrepared: 'The prepared data set is in the store.',
  FoldsRunning: 'At least one fold is training.',
  FoldsFinished: 'Every fold has finished.',
  Ensembling: 'The ensemble stage runs.',
  Queued: 'A queue holds the stage back; it starts when the queue admits it.',
  WaitingForCapacity: 'A stage must run, but no node has room for it. The message is that of the scheduler.',
  StageDenied: 'A policy, a quota or a webhook denied the creation of a Job; the operator tries again.',
  StageEvicted: 'A queue took back the quota of a running stage; the stage continues from its checkpoint when the queue admits it again.',
  SuspendedByUser: 'run.suspend is true; running stages were stopped with a checkpoint.',
  Resumed: 'run.suspend is false again.',
  NotSuspended: 'run.suspend is false.',
  ExperimentComplete: 'submission.csv is in the store.',
  StagePending:
    'A stage must run, but none of its pods runs. The message says what it waits for (a node, a GPU, an image), or what was rejected.',
  StageStarted: 'An attempt of a stage was started.',
  StageFinished: 'An attempt of a stage finished successfully.',
  StageFailed: 'An attempt of a stage failed.',
  StageDisrupted: 'An attempt of a stage was disrupted (node drained, preempted or lost).',
  StageRetried: 'Another attempt was started after a failure or a disruption.',
  StoppedWithCheckpoint: 'A fold stopped on request and left a checkpoint to continue from.',
  OutOfMemory: 'An attempt was killed because it ran out of memory.',
  InvalidManifest:
    'The API server rejects a field of the Job of a stage. The stage fails after run.startDeadline unless the field is fixed.',
  ManifestNotUnderstood:
    'The manifest has a value that this version of the operator does not know, or breaks a rule. Nothing is started until the operator or the manifest changes.',
  ManifestUnderstood: 'The operator understands the manifest.',
  InvalidData: 'A stage found its data or configuration invalid (exit 64, 65 or 78); it is not retried.',
  StoreUnavailable:
    'A stage could not use the artifact store: no permission, wrong bucket, no connection, or a full or read-only disk (exit 74). It is retried slowly.',
  StageWarned: 'A stage reports something that a person should know about its results; the stage goes on.',
  StageStalled: 'A stage made no progress for run.stallTimeout; it was stopped and is retried.',
  Reopened: 'A change of run.retry, inference or ensemble reopened the experiment.',
  FailureBudgetExceeded: 'A stage failed more often than run.maxFailures allows.',
  DisruptionBudgetExceeded: 'A stage was disrupted more often than run.maxDisruptions allows.',
  StartDeadlineExceeded: 'A stage did not start within run.startDeadline.',
  CapacityDeadlineExceeded: 'A stage found no capacity within run.capacityDeadline.',
  FoldDeadlineExceeded: 'A fold ran longer than run.foldDeadline.',
  StageDeadlineExceeded: 'prepare or ensemble ran longer than run.stageDeadline.',
  ArtifactsRemoved:
    'The artifacts were removed: run.ttlAfterFinished has passed and run.ttlRemovesArtifacts is true, or the experiment was deleted and run.deletionRemovesArtifacts is true.',
  ArtifactsNotRemoved:
    'The experiment is being deleted, but its artifacts cannot be removed. The operator tries again; the message says what fails.',
} as const;
export type Reason = keyof typeof REASONS;

/** The environment variable in which a stage finds the number of its attempt. */
export const ATTEMPT_VARIABLE = 'CARPAL_ATTEMPT';

/** Names of the files under the key of a stage. */
export const FILE = {
  experiment: 'experiment.json',
  progress: 'progress.json',
  metrics: 'metrics.ndjson',
  lastCheckpoint: 'checkpoint/last.safetensors',
  bestCheckpoint: 'checkpoint/best.safetensors',
  checkpointState: 'checkpoint/state.json',
  outOfFoldPredictions: 'out-of-fold/predictions.csv',
  outOfFoldThresholds: 'out-of-fold/thresholds.json',
  outOfFoldCalibration: 'out-of-fold/calibration.json',
  /** Which inference made the out-of-fold files. */
  outOfFoldInference: 'out-of-fold/inference.json',
  outOfFoldDice: 'out-of-fold.json',
  learningCurves: 'learning-curves.json',
  submission: 'submission.csv',
  thresholds: 'thresholds.json',
  perClass: 'per-class.json',
  report: 'report.html',
  overlays: 'overlays',
  logs: 'logs',
  preparedIndex: 'index.json',
  /** Under the key of the prepare stage: which prepared set the experiment uses. */
  preparedNote: 'prepared.json',
} as const;

/** The fields of an experiment that its keys contain. Without a uid (a stage started by hand) the key ends in `local`. */
export type ExperimentIdentity = {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly uid?: string | undefined };
};

/** `experiments/<namespace>/<name>/<uid>` */
export function experimentKey({ metadata }: ExperimentIdentity): string {
  return `experiments/${metadata.namespace}/${metadata.name}/${metadata.uid ?? 'local'}`;
}

/** `experiments/<namespace>/<name>/<uid>/folds/<n>` */
export function foldKey(experiment: ExperimentIdentity, fold: number): string {
  return `${experimentKey(experiment)}/folds/${fold}`;
}

/** The key for the progress of the prepare stage. The prepared data set is shared by experiments and has the key {@link preparedKey}. */
export function prepareKey(experiment: ExperimentIdentity): string {
  return `${experimentKey(experiment)}/prepare`;
}

export function ensembleKey(experiment: ExperimentIdentity): string {
  return `${experimentKey(experiment)}/ensemble`;
}

export function reportKey(experiment: ExperimentIdentity): string {
  return `${experimentKey(experiment)}/report`;
}

/** One stage of an experiment: prepare, a fold (numbered from 0), or the ensemble. */
export type StageKey = { readonly stage: StageName; readonly fold?: number };

/** The folder in which a stage writes its progress. */
export function stageFolderKey(experiment: ExperimentIdentity, { stage, fold = 0 }: StageKey): string {
  if (stage === 'fold') return foldKey(experiment, fold);
  return stage === 'prepare' ? prepareKey(experiment) : ensembleKey(experiment);
}

/** `datasets/prepared/<namespace>/<hash>`, shared by all experiments of the namespace with the same images, sizes and classes. */
export function preparedKey(namespace: string, hash: string): string {
  return `datasets/prepared/${namespace}/${hash}`;
}
