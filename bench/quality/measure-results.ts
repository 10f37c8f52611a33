/** Measures the study, and writes docs/results.json and the page that is generated from it, docs/results.md. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { loadClasses } from '@carpal/configs/classes.ts';
import { measuredHere } from '../harness/committed.ts';
import { figuresText } from '../harness/outcome.ts';
import { openFigureCache } from './figure-cache.ts';
import { resultsPage } from './page.ts';
import { runStudy, type StudyFigures } from './run-study.ts';
import { FULL, MINIATURE } from './sizes.ts';
import { type Study, studyOf } from './study.ts';

export type ResultsRun = {
  /** Figures and data sets are kept in its folder `results`. */
  readonly cache: string;
  readonly isMiniature: boolean;
  /** Whether docs/results.md is written again after each figure. */
  readonly isWritten: boolean;
  readonly onProgress: (text: string) => void;
};

/** Measures those figures of docs/results.md that the cache does not hold yet. Returns all figures and the page. */
export async function measureResults(run: ResultsRun): Promise<{ figures: StudyFigures; page: string }> {
  const { cache, isMiniature, isWritten, onProgress } = run;
  const folder = join(cache, 'results');
  const classes = loadClasses('hand-bones');
  const study = studyOf(isMiniature ? MINIATURE : FULL);
  const figureCache = openFigureCache(join(folder, 'figures'), measuredHere);
  const figures = await runStudy(study, { folder, cache: figureCache, classes, onProgress }, async (soFar) => {
    if (isWritten) await writeResults(study, classes, soFar);
  });
  return { figures, page: resultsPage(study, classes, figures) };
}

const DOCS = join(import.meta.dirname, '../../docs');
const DATA = join(DOCS, 'results.json');
const PAGE = join(DOCS, 'results.md');

/** Writes the figures so far as data and as a page. */
export async function writeResults(study: Study, classes: readonly string[], figures: StudyFigures): Promise<void> {
  const text = figuresText({ study, figures });
  await writeFileAtomically(PAGE, pageOf(text, classes));
  await writeFileAtomically(DATA, text);
}

/** Generates the page again from the committed data. */
export async function writeResultsPage(): Promise<void> {
  await writeFileAtomically(PAGE, pageOf(await readFile(DATA, 'utf8'), loadClasses('hand-bones')));
}

/** The page for the text of docs/results.json. */
export function pageOf(data: string, classes: readonly string[]): string {
  const { study, figures } = JSON.parse(data) as { study: Study; figures: StudyFigures };
  return resultsPage(study, classes, figures);
}
