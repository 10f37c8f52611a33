/** What a running stage reports: progress.json (small, overwritten) and metrics.ndjson (one line per epoch). */
import { z } from 'zod';

const number = () => z.number().nullable().optional();

/** Why a stage failed: a code of the error table (or `bug`), and what a user needs to fix it. */
export const stageErrorSchema = z.object({
  code: z.string().max(100),
  message: z.string().max(10_000),
  /** A file:line, a path or a field path. */
  where: z.string().max(10_000).optional(),
  remedy: z.string().max(10_000),
});

export type StageError = z.output<typeof stageErrorSchema>;

/** progress.json. An unknown number is absent or null. */
export const stageProgressSchema = z.object({
  stage: z.enum(['prepare', 'fold', 'ensemble']),
  fold: z.int().min(0).optional(),
  state: z.enum(['running', 'stopped', 'finished', 'failed']),
  /** Finished epochs, and all epochs. */
  epoch: number(),
  epochs: number(),
  /** Finished steps of the current epoch. */
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
  /** Only for a fold: the GPUs of its process, such as `2 × Tesla V100-SXM2-16GB`. */
  gpu: z.string().max(256).nullable().optional(),
  /**
   * Finished images of prepare or ensemble. For a fold: finished images of the running validation or out-of-fold prediction; absent during
   * training steps.
   */
  done: number(),
  total: number(),
  /** ISO 8601, UTC. */
  updatedAt: z.string().max(40),
  /** What a person should know about the results although the stage goes on: plain text, one line each. Absent if there is none. */
  warnings: z.array(z.string()).optional(),
  error: stageErrorSchema.optional(),
});

/** How many warnings a stage reports, and how long each is. */
export const MOST_WARNINGS = 8;
export const LONGEST_WARNING = 300;

export type StageProgress = z.output<typeof stageProgressSchema>;
export type StageName = StageProgress['stage'];
export type StageState = StageProgress['state'];

/** One line of metrics.ndjson. The validation values are null in an epoch without validation; perClassDice is in class order. */
export const epochMetricsSchema = z.object({
  epoch: z.int().min(1),
  step: z.int().min(0),
  learningRate: z.number(),
  loss: z.number(),
  validationLoss: z.number().nullable(),
  dice: z.number().nullable(),
  perClassDice: z.array(z.number()).max(256),
  seconds: z.number(),
  /** How many of these seconds the training thread waited for batches; absent in lines of older versions. */
  waitSeconds: z.number().optional(),
  imagesPerSecond: z.number(),
  memoryMb: z.number(),
});

export type EpochMetrics = z.output<typeof epochMetricsSchema>;
