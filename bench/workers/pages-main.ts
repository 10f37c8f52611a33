/** `node bench/page-main.ts` makes docs/benchmarks.md anew from the committed figures, for when what the page says of them has changed. */
import { writePage } from '../harness/committed.ts';

await writePage();
