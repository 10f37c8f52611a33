/**
 * Files that a run leaves for comparisons: out-of-fold.json (Dice of each image and class) and learning-curves.json (the epochs of each
 * fold).
 */
import { z } from 'zod';
import { epochMetricsSchema } from './progress.ts';

/** Increased when the form changes; readers reject a higher version. */
export const RUN_FIGURES_VERSION = 1;

const text = () => z.string().max(1000);

const scoredImageSchema = z.object({
  imageName: text(),
  /** The name of the person's folder. */
  group: text(),
  /** The fold whose network predicted the image. This network was not trained on the person. */
  fold: z.int().min(0),
  /** A hash of the true masks at the size of the image. Two images with the same name are the same image only if their hashes are equal. */
  truth: text(),
  /** Dice of each class, in class order. */
  perClass: z.array(z.number().min(0).max(1)).max(256),
});

export type ScoredImage = z.output<typeof scoredImageSchema>;

export const outOfFoldDiceSchema = z
  .object({
    version: z.literal(RUN_FIGURES_VERSION),
    name: text(),
    namespace: text(),
    network: text(),
    /** The side of the training square, in pixels. */
    size: z.int().min(1),
    classes: z.array(text()).max(256),
    images: z.array(scoredImageSchema),
  })
  .refine(({ classes, images }) => images.every(({ perClass }) => perClass.length === classes.length), {
    error: 'an image must have one Dice for each class',
    path: ['images'],
  });

export type OutOfFoldDice = z.output<typeof outOfFoldDiceSchema>;

export const learningCurvesSchema = z.object({
  version: z.literal(RUN_FIGURES_VERSION),
  folds: z.array(z.object({ fold: z.int().min(0), epochs: z.array(epochMetricsSchema) })),
});

export type LearningCurves = z.output<typeof learningCurvesSchema>;
