/** The status of an experiment: what the planner has decided and counted so far. Only the planner makes one. */
import type { ConditionType, Reason } from './names.ts';

export type Condition = {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: Reason;
  readonly message: string;
  /** When `status` changed last; a new reason or message alone does not move it. */
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
};

/**
 * `Waiting`: its turn, its room or its next attempt has not come. `Starting`: the substrate is asked for an attempt, or is about to be; it has
 * not been seen there. `Stopped`: asked to stop, and gone; it goes on if the experiment does.
 */
export type StageStatusState = 'Waiting' | 'Starting' | 'Queued' | 'Pending' | 'Running' | 'Stopping' | 'Stopped' | 'Succeeded' | 'Failed';

/** One stage with all its attempts. Attempts that ended and were removed stay counted here. */
export type StageStatus = {
  readonly state: StageStatusState;
  /** The number of the newest attempt; 0 before the first. */
  readonly attempts: number;
  readonly failures: number;
  readonly disruptions: number;
  /** Seconds that ended attempts have run, for the fold deadline. */
  readonly activeSeconds: number;
  /** When the present attempt began. */
  readonly startedAt?: string;
  /** Of one that starts: since when that is tried in vain. */
  readonly heldSince?: string;
  /** No further attempt before this time. */
  readonly retryAt?: string;
  readonly reason?: Reason;
  readonly message?: string;
  readonly node?: string;
};

export type FoldStatus = StageStatus & {
  readonly index: number;
  /** The GPUs of the present attempt, or of the last, as it tells of them itself. */
  readonly gpu?: string;
  readonly epoch?: number;
  readonly epochs?: number;
  readonly loss?: number;
  readonly dice?: number;
  readonly bestDice?: number;
};

export type AnnouncementKey = 'started' | 'first-third' | 'second-third' | 'finished' | 'failed';

/** Where the experiment stands, in one word for people. */
export type ExperimentState = 'Pending' | 'Preparing' | 'Queued' | 'Training' | 'Ensembling' | 'Suspended' | 'Complete' | 'Failed';

export type ExperimentStatus = {
  readonly observedGeneration?: number;
  readonly conditions: readonly Condition[];
  readonly state: ExperimentState;
  /** Why it stands there. */
  readonly reason: Reason;
  /** Whole per cent, such as `62%`. */
  readonly progress: string;
  /** Folds finished, of all: `3/5`. */
  readonly foldsFinished: string;
  /** Mean over the folds that have a validation of the best Dice of each, to four places. */
  readonly bestDice?: number;
  readonly estimatedCompletionTime?: string;
  readonly finishedAt?: string;
  readonly prepare: StageStatus;
  readonly folds: readonly FoldStatus[];
  readonly ensemble: StageStatus;
  /**
   * What all its attempts run: the image that was there when the first of them began. Of one that began under an operator that did not note it,
   * the image of the first look by one that does.
   */
  readonly image?: string;
  /** Where everything of the experiment is kept. */
  readonly artifacts?: string;
  readonly submission?: string;
  /** When they were removed, as the spec asks; `artifacts` and `submission` are gone from then on. */
  readonly artifactsRemovedAt?: string;
  /** What has been announced; recorded by who sent it, carried along by the planner. */
  readonly announcements: readonly { readonly key: AnnouncementKey; readonly sentAt: string }[];
};

/** A stage that nobody has begun. */
export const FRESH_STAGE: StageStatus = { state: 'Waiting', attempts: 0, failures: 0, disruptions: 0, activeSeconds: 0 };

/** Whether an attempt of the stage is alive: it holds its place, and no other may start. */
export function holdsPlace({ state }: StageStatus): boolean {
  return state === 'Starting' || state === 'Queued' || state === 'Pending' || state === 'Running' || state === 'Stopping';
}

/** Whether the condition is there and True. */
export function isTrue(status: ExperimentStatus | undefined, type: ConditionType): boolean {
  return status?.conditions.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}

/** Whether the experiment has come to its end, which nothing reopens. */
export function isTerminal(status: ExperimentStatus | undefined): boolean {
  return isTrue(status, 'Complete') || isTrue(status, 'Failed');
}
