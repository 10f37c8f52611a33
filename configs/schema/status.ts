/**
 * The status of an experiment: what the planner has decided and counted so far. Only the planner writes it.
 *
 * One definition serves both sides. The types are exact: the planner fills in every field that is not optional. The schema in the CRD is
 * permissive: nearly every field may be absent, and where the types allow a few words, the schema accepts any text. The operator may be
 * older or newer than the installed CRD, and if the server rejected a status, the experiment would have no status at all.
 */
import { z } from 'zod';
import type { ConditionType, Reason } from '../names.ts';

const count = () => z.int().min(0).max(1_000_000_000);
/** Without limits, because a measured value can be any number. */
const figure = () => z.number();
const time = () => z.string().max(40).meta({ format: 'date-time' });
/** One word: the type `Word` for TypeScript, any short text for the API server. */
const word = <Word extends string = string>(text: string) => z.string().max(256).describe(text) as unknown as z.ZodType<Word>;
const message = (text: string) => z.string().max(32_768).describe(text);

/** How a list of objects with the key `key` is merged by server-side apply. */
const listMap = (key: string) => ({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });

const conditionSchema = z
  .object({
    type: word<ConditionType>('Prepared, Training, Suspended, Complete, Failed or Held.'),
    status: z.enum(['True', 'False', 'Unknown']).describe('Whether the condition holds.'),
    reason: word<Reason>('Why, as one word for scripts.'),
    message: message('Why, as a text for people.'),
    lastTransitionTime: time().describe('When status last changed. A new reason or message alone does not change it.'),
    observedGeneration: count().exactOptional().describe('The generation of the spec that the condition describes.'),
  })
  .describe('One condition of the experiment.');

/**
 * `Waiting`: the stage waits for earlier stages, for a free place or for its next attempt. `Starting`: the planner has requested an attempt
 * or is about to request it, and the substrate does not report it yet. `Stopped`: the stage ended on request; it continues when the
 * experiment continues.
 */
export type StageStatusState = 'Waiting' | 'Starting' | 'Queued' | 'Pending' | 'Running' | 'Stopping' | 'Stopped' | 'Succeeded' | 'Failed';

const attemptSchema = z
  .object({
    attempt: count().describe('The number of the attempt.'),
    startedAt: time().exactOptional().describe('When its container started. Omitted: it did not run.'),
    finishedAt: time().describe('When it ended.'),
    exitCode: z.int().exactOptional().describe('Exit code of the stage, if it is known.'),
    node: word('The node on which it ran.').exactOptional(),
    reason: word<Reason>('Why it ended, as one word.'),
    log: z.string().max(1024).exactOptional().describe('The key of its log in the artifact store.'),
  })
  .describe('One attempt that has ended.');

/** How many ended attempts of a stage a status lists. */
export const LISTED_ATTEMPTS = 5;

const stageSchema = z.object({
  state: word<StageStatusState>('Waiting, Starting, Queued, Pending, Running, Stopping, Stopped, Succeeded or Failed.'),
  attempts: count().describe('Number of attempts started so far, which is also the number of the newest attempt.'),
  failures: count().describe('Attempts that failed; limited by run.maxFailures.'),
  disruptions: count().describe('Attempts that were evicted, preempted or lost; limited by run.maxDisruptions.'),
  activeSeconds: figure().describe(
    'Seconds that containers of the stage ran, up to the start of the current container; counts towards run.foldDeadline and run.stageDeadline.',
  ),
  lastAttempts: z
    .array(attemptSchema)
    .max(LISTED_ATTEMPTS)
    .exactOptional()
    .describe(`The last ${LISTED_ATTEMPTS} attempts that ended, the newest last.`),
  startedAt: time().exactOptional().describe('When the current attempt started.'),
  heldSince: time().exactOptional().describe('Since when starting the current attempt has failed.'),
  retryAt: time().exactOptional().describe('The next attempt does not start before this time.'),
  reason: word<Reason>('Why the stage is in this state, as one word.').exactOptional(),
  message: message('Why the stage is in this state.').exactOptional(),
  node: word('The node of the current attempt.').exactOptional(),
  warnings: z
    .array(z.string().max(1024))
    .max(32)
    .exactOptional()
    .describe('What a person should know about the results of the stage, as the stage reports it.'),
});

const foldSchema = z.object({
  index: z.int().min(0).max(999).describe('The number of the fold.'),
  ...stageSchema.shape,
  gpu: word('The GPUs of the current or last attempt, as the attempt reports them: 2 × Tesla V100-SXM2-16GB.').exactOptional(),
  epoch: count().exactOptional().describe('Finished epochs.'),
  epochs: count().exactOptional().describe('Epochs to train.'),
  loss: figure().exactOptional().describe('Loss of the last steps.'),
  dice: figure().exactOptional().describe('Dice of the last validation.'),
  bestDice: figure().exactOptional().describe('Dice of the best validation.'),
});

/** The state of the experiment, as one word for people. */
export type ExperimentState = 'Pending' | 'Preparing' | 'Queued' | 'Training' | 'Ensembling' | 'Suspended' | 'Complete' | 'Failed';

export type AnnouncementKey = 'started' | 'first-third' | 'second-third' | 'finished' | 'failed';

const announcementSchema = z.object({
  key: word<AnnouncementKey>('What was reported.'),
  sentAt: time().describe('When it was sent.'),
});

const experimentStatusSchema = z.object({
  observedGeneration: count().exactOptional().describe('The generation of the spec that this status describes.'),
  conditions: z
    .array(conditionSchema)
    .max(32)
    .meta(listMap('type'))
    .describe('Conditions for scripts: kubectl wait --for=condition=Complete.'),
  state: word<ExperimentState>('The state of the experiment, as one word for people; scripts use conditions.'),
  reason: word<Reason>('Why the experiment is in this state.'),
  progress: word('How much of the experiment is done, in whole per cent: 62%.'),
  foldsFinished: word('Finished folds and all folds: 3/5.'),
  bestDice: figure().exactOptional().describe('Mean of the best Dice of each fold that has a validation, rounded to four decimals.'),
  estimatedCompletionTime: time().exactOptional().describe('When training will finish at the current throughput.'),
  finishedAt: time().exactOptional().describe('When the experiment ended.'),
  gpuSeconds: figure().exactOptional().describe('Seconds that the ended attempts ran, each multiplied by its number of GPUs.'),
  retry: count().exactOptional().describe('The value of run.retry for which the experiment was last reopened.'),
  ensembleInputs: word('A hash of inference and ensemble as the last attempt of the ensemble stage got them.').exactOptional(),
  prepare: stageSchema.describe('The stage that prepares the data set.'),
  folds: z.array(foldSchema).max(64).meta(listMap('index')).describe('The training of each fold.'),
  ensemble: stageSchema.describe('The stage that makes the submission.'),
  image: z
    .string()
    .max(1024)
    .exactOptional()
    .describe(
      'The container image of all attempts: the image of the operator when the first attempt started. If that operator did not record it, the image of the first operator that does.',
    ),
  artifacts: z.string().max(4096).exactOptional().describe('Where the artifacts of the experiment are stored.'),
  submission: z.string().max(4096).exactOptional().describe('Where submission.csv is, once it exists.'),
  artifactsRemovedAt: time()
    .exactOptional()
    .describe('When the artifacts were removed because of run.ttlRemovesArtifacts; artifacts and submission are absent from then on.'),
  announcements: z
    .array(announcementSchema)
    .max(64)
    .describe('Reports that were sent to the receivers in spec.report. This version sends none, so the list stays empty.'),
});

/** The schema of `status` in the CRD. */
export const statusSchema = experimentStatusSchema
  .extend({
    prepare: stageSchema.partial().describe('The stage that prepares the data set.'),
    folds: z
      .array(foldSchema.partial().required({ index: true }))
      .max(64)
      .meta(listMap('index'))
      .describe('The training of each fold.'),
    ensemble: stageSchema.partial().describe('The stage that makes the submission.'),
  })
  .partial()
  .describe('The observed state of the experiment. Written by the operator.');

type Frozen<T> = T extends readonly (infer Entry)[]
  ? readonly Frozen<Entry>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T;

export type ExperimentStatus = Frozen<z.output<typeof experimentStatusSchema>>;
export type Condition = ExperimentStatus['conditions'][number];
export type FoldStatus = ExperimentStatus['folds'][number];
/** One stage with all its attempts. Attempts that ended and were removed are still counted. */
export type StageStatus = Frozen<z.output<typeof stageSchema>>;

/** The status of a stage before its first attempt. */
export const FRESH_STAGE: StageStatus = { state: 'Waiting', attempts: 0, failures: 0, disruptions: 0, activeSeconds: 0 };

/** Whether an attempt of the stage is active: it occupies a place, and no other attempt may start. */
export function holdsPlace({ state }: StageStatus): boolean {
  return state === 'Starting' || state === 'Queued' || state === 'Pending' || state === 'Running' || state === 'Stopping';
}

/** Whether the status has the condition with the status True. */
export function isTrue(status: Pick<ExperimentStatus, 'conditions'> | undefined, type: ConditionType): boolean {
  return status?.conditions.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}

/** Whether the experiment has ended. It starts again only if a change of its spec reopens it. */
export function isTerminal(status: Pick<ExperimentStatus, 'conditions'> | undefined): boolean {
  return isTrue(status, 'Complete') || isTrue(status, 'Failed');
}
