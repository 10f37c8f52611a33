import { join } from 'node:path';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { translation, warpPolygon } from '@carpal/masks/warp.ts';
import { readAnnotation } from '@carpal/trainer/data/annotation.ts';
import { discoverDataset } from '@carpal/trainer/data/discover.ts';
import { writeSubmission } from '@carpal/trainer/infer/submission-writer.ts';
import { voteSubmissions } from '@carpal/trainer/infer/vote-submissions.ts';
import type { Benchmark } from './benchmark.ts';
import { measure } from './figure.ts';
import { SHEET } from './sheet-masks.ts';

const SUBMISSIONS = 7;
const IMAGES = 16;
/** Rows that the peer votes on: it takes 30 ms a row, so a part stands for the whole. */
const PEER_ROWS = 58;

/** Seven submissions that differ by a few pixels, as those of seven networks do. Returns their paths. */
async function writeSubmissions(phantoms: string, scratch: string, classes: readonly string[]): Promise<string[]> {
  const { train } = await discoverDataset(phantoms);
  const paths = Array.from({ length: SUBMISSIONS }, (_, index) => join(scratch, `vote-${index}.csv`));
  for (const [index, path] of paths.entries()) {
    await writeSubmission(path, async (writer) => {
      for (const { imageName, annotationPath } of train.slice(0, IMAGES)) {
        const polygons = await readAnnotation(annotationPath ?? '', classes);
        for (const [classIndex, polygon] of polygons.entries()) {
          const moved = warpPolygon(polygon, translation((index % 3) - 1, (index % 2) - 1));
          await writer.write(imageName, classes[classIndex] ?? '', fillPolygon(moved, SHEET, SHEET));
        }
      }
    });
  }
  return paths;
}

/** Whole files on both sides: read, vote, and (here) written; the peer only has the text in memory. */
export const vote: Benchmark = {
  name: 'vote',
  item: 'row',
  what: `hard vote of ${SUBMISSIONS} submissions of ${IMAGES} images × 29 classes`,
  goal: 50,
  run: async ({ phantoms, classes, peer, scratch }) => {
    const files = await writeSubmissions(phantoms, scratch, classes);
    const theirs = await peer('vote', { submissions: files, rows: PEER_ROWS, repetitions: 3 });
    const ours = await measure(IMAGES * classes.length, 7, () => voteSubmissions({ files, out: join(scratch, 'voted.csv') }));
    return { ours, peer: theirs };
  },
};
