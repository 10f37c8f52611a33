import { mkdtemp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AloneBenchmark } from '../harness/case.ts';
import { CARPAL } from '../harness/carpal-words.ts';
import { medianOf } from '../harness/figure.ts';
import { SHEET } from '../harness/sheet-masks.ts';
import { SUBMISSIONS, writeSubmissions } from './vote-files.ts';
import { onOneCore, type WholeProcess, wholeProcess } from '../harness/processes.ts';

/** The competition's test set. */
const IMAGES = 288;
const REPETITIONS = 3;

/** `carpal vote` on submissions as large as the competition's, from its start to its end. */
export const voteLarge: AloneBenchmark = {
  name: 'vote-large',
  what: `carpal vote of ${SUBMISSIONS} submissions of ${IMAGES} images × 29 classes at ${SHEET}², the whole process on one core`,
  run: async ({ phantoms, classes, scratch }) => {
    const folder = await mkdtemp(join(scratch, 'vote-large-'));
    try {
      const files = await writeSubmissions({ phantoms, folder, classes, images: IMAGES });
      const bytes = (await Promise.all(files.map((file) => stat(file)))).reduce((sum, { size }) => sum + size, 0);
      const runs: WholeProcess[] = [];
      for (let run = 0; run < REPETITIONS; run++) {
        runs.push(await wholeProcess(onOneCore([...CARPAL, 'vote', '--out', join(folder, 'voted.csv'), ...files])));
      }
      return [
        { what: 'rows of each submission', value: IMAGES * classes.length, unit: '' },
        { what: 'the submissions together', value: bytes / 1e6, unit: 'MB' },
        { what: `time, median of ${REPETITIONS}`, value: medianOf(runs.map(({ seconds }) => seconds)), unit: 's', atMost: 3 },
        { what: 'processor time', value: medianOf(runs.map(({ cpuSeconds }) => cpuSeconds)), unit: 's' },
        { what: 'memory at its highest', value: Math.max(...runs.map(({ peakMb }) => peakMb)), unit: 'MB', atMost: 500 },
      ];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
