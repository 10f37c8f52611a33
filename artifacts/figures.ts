/**
 * The figures of a finished run. `carpal compare` reads out-of-fold.json (Dice of each image and class) and learning-curves.json (the
 * epochs of each fold). Each fold also has out-of-fold/calibration.json.
 */
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { parseJson } from '@carpal/configs/json.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { trainingScale } from '@carpal/configs/schema/options.ts';
import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';
import {
  type LearningCurves,
  learningCurvesSchema,
  type OutOfFoldDice,
  outOfFoldDiceSchema,
  RUN_FIGURES_VERSION,
  type ScoredImage,
} from '@carpal/configs/schema/run-figures.ts';
import type { z } from 'zod';
import type { ArtifactStore } from './store.ts';

/** The figures of one run, for comparisons. */
export type RunFigures = {
  /** The run's folder or URI, as the user gave it. */
  readonly place: string;
  readonly outOfFold: OutOfFoldDice;
  readonly curves: LearningCurves;
};

const DIGITS = 6;

/** The content of out-of-fold.json, one image per line, and of learning-curves.json, one epoch per line. */
export function runFiguresFiles(
  { metadata, spec }: SegmentationExperiment,
  classes: readonly string[],
  images: readonly ScoredImage[],
  folds: readonly { readonly fold: number; readonly metrics: readonly EpochMetrics[] }[],
): [name: string, content: string][] {
  const { name, namespace } = metadata;
  const head: Omit<OutOfFoldDice, 'images'> = {
    version: RUN_FIGURES_VERSION,
    name,
    namespace,
    network: spec.model.name,
    size: trainingScale(spec.input),
    classes: [...classes],
  };
  const rounded = images.map((image) => ({ ...image, perClass: image.perClass.map((dice) => Number(dice.toFixed(DIGITS))) }));
  // Omits the Dice of each class: it would make up most of the file, and the report contains it.
  const curves: LearningCurves['folds'] = folds.map(({ fold, metrics }) => ({
    fold,
    epochs: metrics.map((epoch) => ({ ...epoch, perClassDice: [] })),
  }));
  const foldTexts = curves.map(({ fold, epochs }) => `{"fold":${fold},"epochs":${lines(epochs)}}`);
  return [
    [FILE.outOfFoldDice, `${JSON.stringify(head).slice(0, -1)},"images":${lines(rounded)}}\n`],
    [FILE.learningCurves, `{"version":${RUN_FIGURES_VERSION},"folds":[${foldTexts.join(',')}]}\n`],
  ];
}

/** A list as JSON, one entry per line. */
const lines = (entries: readonly unknown[]): string => `[\n${entries.map((entry) => JSON.stringify(entry)).join(',\n')}\n]`;

const MISSING =
  'Give the --out folder of a complete run, or its experiment folder in the artifact store. The ensemble stage writes the file; run it again if an older version of carpal made the run.';

/**
 * The figures of the run at `place`, the location at which `store` is opened: an out folder, or the folder of an experiment, whose ensemble
 * folder has the files. Throws `artifact-missing` if a file is missing, `run-unreadable` if a file is not valid.
 */
export async function readRunFigures(store: ArtifactStore, place: string): Promise<RunFigures> {
  const folder = (await store.readIfPresent(FILE.outOfFoldDice)) === undefined && (await isExperiment(store)) ? 'ensemble/' : '';
  return {
    place,
    outOfFold: await readFigures(store, place, `${folder}${FILE.outOfFoldDice}`, outOfFoldDiceSchema),
    curves: await readFigures(store, place, `${folder}${FILE.learningCurves}`, learningCurvesSchema),
  };
}

async function isExperiment(store: ArtifactStore): Promise<boolean> {
  if ((await store.readIfPresent(FILE.experiment)) !== undefined) return true;
  return (await store.list('ensemble')).length > 0;
}

async function readFigures<Figures>(store: ArtifactStore, place: string, key: string, schema: z.ZodType<Figures>): Promise<Figures> {
  const where = /^[a-z0-9]+:\/\//i.test(place) ? `${place.replace(/\/$/, '')}/${key}` : join(place, key);
  const bytes = await store.readIfPresent(key);
  if (bytes === undefined) throw new CarpalError('artifact-missing', 'the run does not have this file', { where, fix: MISSING });
  const figures = schema.safeParse(parsed(bytes, where));
  if (figures.success) return figures.data;
  const [issue] = figures.error.issues;
  const field = issue?.path.join('.') ?? '';
  throw new CarpalError('run-unreadable', `${field === '' ? '' : `${field}: `}${issue?.message ?? 'invalid'}`, { where });
}

function parsed(bytes: Buffer, where: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new CarpalError('run-unreadable', 'it is not JSON', { where, cause });
  }
}

/** Levels of a probability: 0 to 255 represent 0 to 1. */
export const CALIBRATION_LEVELS = 256;

/** out-of-fold/calibration.json: counts over a fold's images at their own size. The counts of an experiment are the sums over its folds. */
export type CalibrationCounts = {
  readonly images: number;
  /** The number of pixels whose probability rounds to a level, [class][level]. */
  readonly pixels: readonly ArrayLike<number>[];
  /** The number of these pixels that belong to the bone. */
  readonly truePixels: readonly ArrayLike<number>[];
};

/** The content of calibration.json. */
export function calibrationText(counts: CalibrationCounts): string {
  return `${JSON.stringify(counts)}\n`;
}

/** The counts in a calibration.json, or undefined if its form is not valid. */
export function parseCalibration(text: string): CalibrationCounts | undefined {
  const { images, pixels, truePixels } = (parseJson(text) ?? {}) as Partial<CalibrationCounts>;
  if (!isCount(images) || !isTable(pixels) || !isTable(truePixels) || pixels.length !== truePixels.length) return undefined;
  return { images, pixels, truePixels };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

function isTable(value: unknown): value is number[][] {
  return Array.isArray(value) && value.every((row) => Array.isArray(row) && row.length === CALIBRATION_LEVELS && row.every(isCount));
}

/**
 * The counts of each fold that the experiment runs. Undefined if one of these folds has no counts, as folds of earlier versions do not: the
 * other folds alone would not represent the experiment. Throws `checkpoint-invalid` if a file cannot be read.
 */
export async function readCalibrations(
  store: ArtifactStore,
  experiment: SegmentationExperiment,
  classes: number,
): Promise<CalibrationCounts[] | undefined> {
  const folds: CalibrationCounts[] = [];
  for (const fold of experiment.spec.run.folds) {
    const key = `${foldKey(experiment, fold)}/${FILE.outOfFoldCalibration}`;
    const bytes = await store.readIfPresent(key);
    if (!bytes) return undefined;
    const counts = parseCalibration(bytes.toString('utf8'));
    if (counts?.pixels.length !== classes)
      throw new CarpalError('checkpoint-invalid', "the fold's calibration counts cannot be read", { where: key });
    folds.push(counts);
  }
  return folds;
}
