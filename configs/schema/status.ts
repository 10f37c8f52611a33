/**
 * The status of an experiment as the API server keeps it: the planner's ExperimentStatus (operator/experiment/experiment-status.ts; the
 * compiler holds the two together). Limits are wide, nearly everything may be absent and words are free: a status that the server refuses would
 * leave the experiment without any, and the operator may be older or newer than the server's definition.
 */
import { z } from 'zod';

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
