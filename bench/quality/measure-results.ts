import { join } from 'node:path';
import { loadClasses } from '@carpal/configs/classes.ts';
import { measuredHere } from '../harness/committed.ts';
import { writeResults } from './committed-results.ts';
import { openKeptFigures } from './figure-cache.ts';
import { resultsPage } from './page.ts';
import { runStudy, type StudyFigures } from './run-study.ts';
import { FULL, MINIATURE } from './sizes.ts';
import { studyOf } from './study.ts';

export type ResultsRun = {
  /** Figures and data sets are kept in `results` of it. */
  readonly cache: string;
  readonly isMiniature: boolean;
  /** Whether docs/results.md is written, anew after each figure. */
  readonly isWritten: boolean;
  readonly onProgress: (text: string) => void;
};

/** Measures what docs/results.md shows, as far as the cache does not hold it, and makes the page. */
export async function measureResults(run: ResultsRun): Promise<{ figures: StudyFigures; page: string }> {
  const { cache, isMiniature, isWritten, onProgress } = run;
  const folder = join(cache, 'results');
  const classes = loadClasses('hand-bones');
  const study = studyOf(isMiniature ? MINIATURE : FULL);
  const kept = openKeptFigures(join(folder, 'figures'), measuredHere);
  const figures = await runStudy(study, { folder, kept, classes, onProgress }, async (soFar) => {
    if (isWritten) await writeResults(study, classes, soFar);
  });
  return { figures, page: resultsPage(study, classes, figures) };
}
