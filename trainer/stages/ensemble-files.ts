import { type ChosenThreshold, thresholdsText } from '@carpal/artifacts/thresholds.ts';
import { FILE } from '@carpal/configs/names.ts';
import type { ReportFold } from '@carpal/report/html/report-data.ts';
import { meanOf, type Score } from '@carpal/report/scoring/scoring.ts';

export type EnsembleFigures = {
  readonly classes: readonly string[];
  readonly thresholds: readonly ChosenThreshold[];
  readonly score: Score;
  readonly folds: readonly ReportFold[];
  readonly testImages: number;
};

/** The small files of the ensemble by name: thresholds.json, per-class.json, and scores.json with the out-of-fold figures. */
export function ensembleFiles({ classes, thresholds, score, folds, testImages }: EnsembleFigures): [name: string, content: string][] {
  const byClass = <T>(of: (index: number) => T): Record<string, T> => Object.fromEntries(classes.map((name, index) => [name, of(index)]));
  const perClass = byClass((index) => ({
    dice: score.perClass[index] ?? null,
    threshold: thresholds[index]?.threshold ?? null,
    cleaning: thresholds[index]?.cleaning ?? 'none',
    // Out of fold, with that threshold and cleaning.
    diceAtThreshold: thresholds[index]?.dice ?? null,
    folds: Object.fromEntries(folds.map((fold) => [fold.fold, fold.score.perClass[index] ?? null])),
  }));
  const chosen = thresholds.flatMap(({ dice }) => dice ?? []);
  const scores = {
    dice: score.dice,
    // The same images with the thresholds and the cleaning chosen on them, which flatters a little.
    chosenDice: chosen.length === thresholds.length ? meanOf(chosen) : null,
    images: score.images,
    testImages,
    perClass: byClass((index) => score.perClass[index] ?? null),
    folds: folds.map((fold) => ({
      fold: fold.fold,
      dice: fold.score.dice,
      images: fold.score.images,
      perClass: byClass((index) => fold.score.perClass[index] ?? null),
    })),
    worst: score.perImage.slice(0, 10),
  };
  const text = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  return [
    [FILE.thresholds, thresholdsText(classes, thresholds)],
    [FILE.perClass, text(perClass)],
    ['scores.json', text(scores)],
  ];
}
