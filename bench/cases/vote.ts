import { join } from 'node:path';
import { voteSubmissions } from '@carpal/report/scoring/vote-submissions.ts';
import type { Benchmark } from '../harness/case.ts';
import { measure } from '../harness/figure.ts';
import { SUBMISSIONS, writeSubmissions } from './vote-files.ts';

const IMAGES = 16;
/** Rows that the peer votes on: it takes 30 ms a row, so a part stands for the whole. */
const PEER_ROWS = 58;

/** Whole files on both sides: read, vote, and (here) written; the peer only has the text in memory. */
export const vote: Benchmark = {
  name: 'vote',
  item: 'row',
  what: `hard vote of ${SUBMISSIONS} submissions of ${IMAGES} images × 29 classes`,
  goal: 50,
  run: async ({ phantoms, classes, peer, scratch }) => {
    const files = await writeSubmissions({ phantoms, folder: scratch, classes, images: IMAGES });
    const theirs = await peer('vote', { submissions: files, rows: PEER_ROWS, repetitions: 3 });
    const ours = await measure(IMAGES * classes.length, 7, () => voteSubmissions({ files, out: join(scratch, 'voted.csv') }));
    return { ours, peer: theirs };
  },
};
