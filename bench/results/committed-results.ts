/** docs/results.md and docs/results.json. */
import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { resultsPage } from './results-page.ts';
import type { StudyFigures } from './run-study.ts';
import type { Study } from './study.ts';

const DOCS = join(import.meta.dirname, '../../docs');

/** Six digits are more than any of these figures deserves. */
const rounded = (_key: string, value: unknown): unknown => (typeof value === 'number' ? Number(value.toPrecision(6)) : value);

/** Writes what has been measured so far as a page and as data. */
export async function writeResults(study: Study, classes: readonly string[], figures: StudyFigures): Promise<void> {
  await writeFileAtomically(join(DOCS, 'results.md'), resultsPage(study, classes, figures));
  await writeFileAtomically(join(DOCS, 'results.json'), `${JSON.stringify({ study, figures }, rounded, 1)}\n`);
}
