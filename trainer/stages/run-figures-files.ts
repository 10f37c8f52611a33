import { FILE } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type LearningCurves, type OutOfFoldDice, RUN_FIGURES_VERSION, type ScoredImage } from '@carpal/configs/schema/run-figures.ts';
import type { ReportFold } from '@carpal/report/html/report-data.ts';

const DIGITS = 6;

/** What `carpal compare` reads, by name: out-of-fold.json, one image a line, and learning-curves.json, one epoch a line. */
export function runFiguresFiles(
  { metadata, spec }: SegmentationExperiment,
  classes: readonly string[],
  images: readonly ScoredImage[],
  folds: readonly ReportFold[],
): [name: string, content: string][] {
  const { name, namespace } = metadata;
  const head: Omit<OutOfFoldDice, 'images'> = {
    version: RUN_FIGURES_VERSION,
    name,
    namespace,
    network: spec.model.name,
    size: spec.input.size,
    classes: [...classes],
  };
  const rounded = images.map((image) => ({ ...image, perClass: image.perClass.map((dice) => Number(dice.toFixed(DIGITS))) }));
  // The Dice of each class and epoch would be most of the file, and the report has them.
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

/** A list as JSON with each entry on a line of its own. */
const lines = (entries: readonly unknown[]): string => `[\n${entries.map((entry) => JSON.stringify(entry)).join(',\n')}\n]`;
