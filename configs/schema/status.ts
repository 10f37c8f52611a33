import { z } from 'zod';
import type { ConditionType, Reason } from '../names.ts';

/**
 * The status of an experiment as the API server keeps it: the planner's ExperimentStatus (operator/experiment/experiment-status.ts; the
 * compiler holds the two together). Limits are wide, nearly everything may be absent and words are free: a status that the server refuses would
 * leave the experiment without any, and the operator may be older or newer than the server's definition.
 */

const count = () => z.int().min(0).max(1_000_000_000);
/** Without limits: what is measured may be anything. */
const figure = () => z.number();
const time = () => z.string().max(40).meta({ format: 'date-time' });
const word = (text: string) => z.string().max(256).describe(text);
const message = (text: string) => z.string().max(32_768).describe(text);

const conditionSchema = z
  .object({
    type: word('Prepared, Training, Suspended, Complete or Failed.'),
    status: z.enum(['True', 'False', 'Unknown']).describe('Whether it is so.'),
    reason: word('Why, in one word for scripts.'),
    message: message('Why, for people.'),
    lastTransitionTime: time().describe('When status changed last.'),
    observedGeneration: count().optional().describe('The generation of spec that it was found for.'),
  })
  .describe('One thing that is so, or not, or not known.');

const stage = {
  state: word('Waiting, Starting, Queued, Pending, Running, Stopping, Stopped, Succeeded or Failed.'),
  attempts: count().describe('Attempts begun.'),
  failures: count().describe('Attempts that failed; run.maxFailures bounds them.'),
  disruptions: count().describe('Attempts that were taken away; run.maxDisruptions bounds them.'),
  activeSeconds: figure().describe('Seconds that ended attempts have run.'),
  startedAt: time().optional().describe('When the present attempt began.'),
  heldSince: time().optional().describe('Since when it cannot be started, though that is tried.'),
  retryAt: time().optional().describe('No further attempt before.'),
  reason: word('Why it is in this state, in one word.').optional(),
  message: message('Why it is in this state.').optional(),
  node: word('Where the present attempt runs.').optional(),
};

const stageStatusSchema = z.object(stage).partial();

const foldStatusSchema = z.object({
  index: z.int().min(0).max(999).describe('The number of the fold.'),
  ...stageStatusSchema.shape,
  gpu: word('What it trains on, or has: 2 × Tesla V100-SXM2-16GB.').optional(),
  epoch: count().optional().describe('Epochs finished.'),
  epochs: count().optional().describe('Of how many.'),
  loss: figure().optional().describe('Of the last steps.'),
  dice: figure().optional().describe('Of the last validation.'),
  bestDice: figure().optional().describe('Of the best validation.'),
});

const announcementSchema = z.object({ key: word('What was told.'), sentAt: time().describe('When.') });

const listMap = (key: string) => ({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });

export const statusSchema = z
  .object({
    observedGeneration: count().optional().describe('The generation of spec that this status was found for.'),
    conditions: z
      .array(conditionSchema)
      .max(32)
      .meta(listMap('type'))
      .describe('What is so and what is not; for scripts: kubectl wait --for=condition=Complete.'),
    state: word('Where the experiment stands, in one word for people; scripts go by conditions.'),
    reason: word('Why it is in this state.'),
    progress: word('Whole per cent of the experiment, such as 62%.'),
    foldsFinished: word('Folds finished, of all: 3/5.'),
    bestDice: figure().optional().describe('Mean over the folds of the best Dice of each.'),
    estimatedCompletionTime: time().optional().describe('When training should be done, at the pace of now.'),
    finishedAt: time().optional().describe('When it ended.'),
    prepare: stageStatusSchema.describe('The stage that makes the data set ready.'),
    folds: z.array(foldStatusSchema).max(64).meta(listMap('index')).describe('The training of each fold.'),
    ensemble: stageStatusSchema.describe('The stage that makes the submission.'),
    image: z
      .string()
      .max(1024)
      .optional()
      .describe(
        'What its attempts run: the image when the first of them began, or, where an older operator began it, at the first look of a newer one.',
      ),
    artifacts: z.string().max(4096).optional().describe('Where everything is kept.'),
    submission: z.string().max(4096).optional().describe('submission.csv, once it is there.'),
    artifactsRemovedAt: time().optional().describe('When what was kept there was removed, as spec.run.ttlRemovesArtifacts asks.'),
    announcements: z
      .array(announcementSchema)
      .max(64)
      .describe('What has been told to whom spec.report names. This version tells nobody, so it stays empty.'),
  })
  .partial()
  .describe('What has become of it. Written by the operator.');

/** What the definition has room for; the planner's own types are in operator/experiment/experiment-status.ts. */
export type ServedStatus = z.output<typeof statusSchema>;
export type ServedCondition = z.output<typeof conditionSchema>;
export type ServedStage = z.output<typeof stageStatusSchema>;
export type ServedFold = z.output<typeof foldStatusSchema>;

/** The status of an experiment: what the planner has decided and counted so far. Only the planner makes one. */

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
