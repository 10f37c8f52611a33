/** Measures the study, the contest with the original and the collapse of classes, and writes docs/results.json and the page that is generated from it, docs/results.md. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { loadClasses } from '@carpal/configs/classes.ts';
import { measuredHere } from '../harness/committed.ts';
import { figuresText } from '../harness/outcome.ts';
import { collapseSection } from './collapse/collapse-page.ts';
import { COLLAPSE, type CollapsePlan, MINIATURE_COLLAPSE } from './collapse/plan.ts';
import { type CollapseFigures, runCollapse } from './collapse/run-collapse.ts';
import { openFigureCache } from './figure-cache.ts';
import { contestSection } from './original/contest-page.ts';
import { type Contest, FULL_CONTEST, MINIATURE_CONTEST } from './original/plan.ts';
import { type ContestFigures, runContest } from './original/run-contest.ts';
import { resultsPage } from './page.ts';
import { runStudy, type StudyFigures, type StudyPlace } from './run-study.ts';
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

/** The content of docs/results.json. Each command replaces only its own part. */
type ResultsData = {
  readonly study: Study;
  readonly figures: StudyFigures;
  readonly contest?: { readonly plan: Contest; readonly figures: ContestFigures };
  readonly collapse?: { readonly plan: CollapsePlan; readonly figures: CollapseFigures };
};

function placeOf({ cache, onProgress }: ResultsRun): StudyPlace {
  const folder = join(cache, 'results');
  return { folder, cache: openFigureCache(join(folder, 'figures'), measuredHere), classes: loadClasses('hand-bones'), onProgress };
}

/** Measures those figures of the study that the cache does not hold yet. Returns all figures and the page. */
export async function measureResults(run: ResultsRun): Promise<{ figures: StudyFigures; page: string }> {
  const study = studyOf(run.isMiniature ? MINIATURE : FULL);
  const place = placeOf(run);
  const figures = await runStudy(study, place, async (soFar) => {
    if (run.isWritten) await writeResults({ study, figures: soFar });
  });
  return { figures, page: resultsPage(study, place.classes, figures) };
}

/** Measures those matches with the original that the cache does not hold yet. Returns all figures and their section of the page. */
export async function measureContest(run: ResultsRun): Promise<{ figures: ContestFigures; page: string }> {
  const plan = run.isMiniature ? MINIATURE_CONTEST : FULL_CONTEST;
  const figures = await runContest(plan, { ...placeOf(run), pythonCache: run.cache }, async (soFar) => {
    if (run.isWritten) await writeResults({ contest: { plan, figures: soFar } });
  });
  return { figures, page: `${contestSection(plan, figures)}\n` };
}

/** Measures those trainings of the collapse plan that the cache does not hold yet. Returns all figures and their section of the page. */
export async function measureCollapse(run: ResultsRun): Promise<{ figures: CollapseFigures; page: string }> {
  const plan = run.isMiniature ? MINIATURE_COLLAPSE : COLLAPSE;
  const figures = await runCollapse(plan, placeOf(run), async (soFar) => {
    if (run.isWritten) await writeResults({ collapse: { plan, figures: soFar } });
  });
  return { figures, page: `${collapseSection(plan, figures)}\n` };
}

const DOCS = join(import.meta.dirname, '../../docs');
const DATA = join(DOCS, 'results.json');
const PAGE = join(DOCS, 'results.md');

/** Replaces a part of the data and generates the page again. */
async function writeResults(part: Partial<ResultsData>): Promise<void> {
  const before = JSON.parse(await readFile(DATA, 'utf8')) as ResultsData;
  const text = figuresText({ ...before, ...part });
  await writeFileAtomically(PAGE, pageOf(text, loadClasses('hand-bones')));
  await writeFileAtomically(DATA, text);
}

/** Generates the page again from the committed data. */
export async function writeResultsPage(): Promise<void> {
  await writeFileAtomically(PAGE, pageOf(await readFile(DATA, 'utf8'), loadClasses('hand-bones')));
}

/** The page for the text of docs/results.json. */
export function pageOf(data: string, classes: readonly string[]): string {
  const { study, figures, contest, collapse } = JSON.parse(data) as ResultsData;
  const sections = [contest && contestSection(contest.plan, contest.figures), collapse && collapseSection(collapse.plan, collapse.figures)];
  return [resultsPage(study, classes, figures), ...sections.flatMap((section) => (section === undefined ? [] : [`${section}\n`]))].join(
    '\n',
  );
}
