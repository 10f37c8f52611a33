/** docs/results.md and docs/results.json. */
import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { figuresText } from '../harness/figures-text.ts';
import { resultsPage } from './page.ts';
import type { StudyFigures } from './run-study.ts';
import type { Study } from './study.ts';

const DOCS = join(import.meta.dirname, '../../docs');

/** Writes what has been measured so far as a page and as data. */
export async function writeResults(study: Study, classes: readonly string[], figures: StudyFigures): Promise<void> {
  const text = figuresText({ study, figures });
  await writeFileAtomically(join(DOCS, 'results.md'), pageOf(text, classes));
  await writeFileAtomically(join(DOCS, 'results.json'), text);
}

/** The page of what stands in docs/results.json. */
export function pageOf(data: string, classes: readonly string[]): string {
  const { study, figures } = JSON.parse(data) as { study: Study; figures: StudyFigures };
  return resultsPage(study, classes, figures);
}
