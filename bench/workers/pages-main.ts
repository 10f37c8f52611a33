/**
 * `node bench/workers/pages-main.ts` generates docs/benchmarks.md and docs/results.md from the committed figures, after their wording has
 * changed.
 */
import { writePage } from '../harness/committed.ts';
import { writeResultsPage } from '../quality/measure-results.ts';

await writePage();
await writeResultsPage();
