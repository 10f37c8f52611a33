import type { RunFigures } from '@carpal/artifacts/figures.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';
import type { LearningCurves } from '@carpal/configs/schema/run-figures.ts';
import { type DiceEstimates, diceEstimates } from './estimates.ts';
import { type PairedDifference, pairedDifference } from './paired-difference.ts';

export type ComparedRun = {
  /** The experiment's name, with the place if two runs have the same name. */
  readonly title: string;
  readonly place: string;
  readonly network: string;
  readonly size: number;
  /** Over all images of the run. */
  readonly dice: DiceEstimates;
  /** This run minus the first, on the images that both have; undefined for the first run. */
  readonly difference: PairedDifference | undefined;
  readonly folds: LearningCurves['folds'];
  /** Sum over the epochs of all folds: machine time, not wall time, because folds may run at the same time. */
  readonly trainingMinutes: number;
  /** The maximum over all folds and epochs. */
  readonly peakMemoryMb: number;
};

export type Comparison = { readonly classes: readonly string[]; readonly runs: readonly ComparedRun[] };

/**
 * Compares runs with the first of them. Throws runs-incomparable if a run has other classes than the first or no image in common with it,
 * and usage-invalid for fewer than two runs.
 */
export function compareRuns(runs: readonly RunFigures[]): Comparison {
  const [first] = runs;
  if (!first || runs.length < 2)
    throw new CarpalError('usage-invalid', `a comparison needs at least two runs, not ${runs.length}`, {
      fix: 'Give the --out folders of two runs, or their folders in the artifact store.',
    });
  const { classes } = first.outOfFold;
  return { classes, runs: runs.map((run, index) => comparedRun(run, index === 0 ? undefined : first, runs)) };
}

function comparedRun(run: RunFigures, first: RunFigures | undefined, runs: readonly RunFigures[]): ComparedRun {
  const { name, network, size, images } = run.outOfFold;
  const namesakes = runs.filter(({ outOfFold }) => outOfFold.name === name);
  const epochs = run.curves.folds.flatMap((fold): readonly EpochMetrics[] => fold.epochs);
  return {
    title: namesakes.length > 1 ? `${name} (${run.place})` : name,
    place: run.place,
    network,
    size,
    dice: diceEstimates(images),
    difference: first && differenceTo(first, run),
    folds: run.curves.folds,
    trainingMinutes: epochs.reduce((sum, { seconds }) => sum + seconds, 0) / 60,
    peakMemoryMb: epochs.reduce((most, { memoryMb }) => Math.max(most, memoryMb), 0),
  };
}

function differenceTo(first: RunFigures, run: RunFigures): PairedDifference {
  const [classes, others] = [run.outOfFold.classes, first.outOfFold.classes];
  const at = classes.length === others.length ? classes.findIndex((name, index) => name !== others[index]) : -2;
  if (at !== -1) {
    const how = at === -2 ? `${classes.length} classes, not ${others.length}` : `"${classes[at]}" as class ${at + 1}, not "${others[at]}"`;
    throw new CarpalError('runs-incomparable', `it has ${how} as in ${first.place}`, { where: run.place });
  }
  const difference = pairedDifference(run.outOfFold.images, first.outOfFold.images);
  if (difference.images > 0) return difference;
  const why =
    difference.changed > 0
      ? `it has images with the same names as ${first.place} but other true masks: the data sets differ`
      : `it has no scored image in common with ${first.place}`;
  throw new CarpalError('runs-incomparable', why, { where: run.place });
}

/** The difference between two runs in one class. */
export type ClassDifference = { readonly classIndex: number; readonly mean: number };

/**
 * The classes whose mean differs most from the first run's, in either direction, largest difference first; classes without a difference are
 * omitted.
 */
export function greatestDifferences({ perClass }: PairedDifference, count: number): ClassDifference[] {
  return perClass
    .map(({ mean }, classIndex) => ({ classIndex, mean }))
    .filter(({ mean }) => mean !== 0)
    .sort((a, b) => Math.abs(b.mean) - Math.abs(a.mean))
    .slice(0, count);
}
