/** What a running stage tells: progress.json (small, overwritten) and metrics.ndjson (one line an epoch). */
import { z } from 'zod';

const number = () => z.number().nullable().optional();

/** Why a stage failed: a code of the error table (or `bug`), and what a person needs to mend it. */
export const stageErrorSchema = z.object({
  code: z.string().max(100),
  message: z.string().max(10_000),
  /** A file:line, a path or a field path. */
  where: z.string().max(10_000).optional(),
  remedy: z.string().max(10_000),
});

export type StageError = z.output<typeof stageErrorSchema>;

/** progress.json. A number that is not known yet is absent or null. */
export const stageProgressSchema = z.object({
  stage: z.enum(['prepare', 'fold', 'ensemble']),
  fold: z.int().min(0).optional(),
  state: z.enum(['running', 'stopped', 'finished', 'failed']),
  /** Epochs finished, of how many. */
  epoch: number(),
  epochs: number(),
  /** Steps finished within the epoch under way. */
  step: number(),
  stepsPerEpoch: number(),
  loss: number(),
  validationLoss: number(),
  dice: number(),
  bestDice: number(),
  bestEpoch: number(),
  learningRate: number(),
  imagesPerSecond: number(),
  etaSeconds: number(),
  /** Of a fold: the GPUs that its process has, such as `2 × Tesla V100-SXM2-16GB`. */
  gpu: z.string().max(256).nullable().optional(),
  /** Images of prepare and ensemble; of a fold those of the validation or of the out-of-fold masks under way, absent between steps. */
  done: number(),
  total: number(),
  /** ISO 8601, UTC. */
  updatedAt: z.string().max(40),
  error: stageErrorSchema.optional(),
});

export type StageProgress = z.output<typeof stageProgressSchema>;
export type StageName = StageProgress['stage'];
export type StageState = StageProgress['state'];

/** One line of metrics.ndjson. Validation figures are null in an epoch without validation; perClassDice is in class order. */
export const epochMetricsSchema = z.object({
  epoch: z.int().min(1),
  step: z.int().min(0),
  learningRate: z.number(),
  loss: z.number(),
  validationLoss: z.number().nullable(),
  dice: z.number().nullable(),
  perClassDice: z.array(z.number()).max(256),
  seconds: z.number(),
  /** Of these seconds, how many the training thread waited for batches; absent in lines of older versions. */
  waitSeconds: z.number().optional(),
  imagesPerSecond: z.number(),
  memoryMb: z.number(),
});

export type EpochMetrics = z.output<typeof epochMetricsSchema>;
