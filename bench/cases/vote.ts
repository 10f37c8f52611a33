import { mkdtemp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { translation, warpPolygon } from '@carpal/masks/warp.ts';
import { readAnnotation } from '@carpal/report/dataset/annotation.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { writeSubmission } from '@carpal/report/scoring/submission-writer.ts';
import { voteSubmissions } from '@carpal/report/scoring/vote-submissions.ts';
import type { CaseInput, ComparedCase, StandaloneCase } from '../harness/case.ts';
import { medianOf } from '../harness/figure.ts';
import { measure } from '../harness/measure.ts';
import { IMAGE_SIZE } from '../harness/phantoms.ts';
import { CARPAL, onOneCore, type WholeProcess, wholeProcess } from '../harness/processes.ts';

/** Seven networks, as in the original's vote. */
const SUBMISSIONS = 7;
const IMAGES = 16;
/** The baseline takes 30 ms per row, so it votes on a part of the rows. */
const BASELINE_ROWS = 58;

/**
 * Writes submissions that differ by a few pixels, as those of several networks do, and returns their paths. Beyond the number of phantoms,
 * images repeat, moved by a few pixels.
 */
async function writeSubmissions({ phantoms, classes }: CaseInput, folder: string, images: number): Promise<string[]> {
  const { train } = await discoverDataset(phantoms);
  const hands = await Promise.all(train.slice(0, images).map(({ annotationPath }) => readAnnotation(annotationPath ?? '', classes)));
  const paths = Array.from({ length: SUBMISSIONS }, (_, index) => join(folder, `vote-${index}.csv`));
  for (const [index, path] of paths.entries()) {
    await writeSubmission(path, async (writer) => {
      for (let image = 0; image < images; image++) {
        const hand = image % hands.length;
        const round = Math.floor(image / hands.length);
        const name = train[hand]?.imageName ?? '';
        for (const [classIndex, polygon] of (hands[hand] ?? []).entries()) {
          const moved = warpPolygon(polygon, translation((index % 3) - 1 + round, (index % 2) - 1 + round));
          const mask = fillPolygon(moved, IMAGE_SIZE, IMAGE_SIZE);
          await writer.write(round === 0 ? name : `${round}-${name}`, classes[classIndex] ?? '', mask);
        }
      }
    });
  }
  return paths;
}

/** carpal reads files, votes and writes a file; the original has the text in memory and writes nothing. */
export const vote: ComparedCase = {
  name: 'vote',
  item: 'row',
  what: `hard vote of ${SUBMISSIONS} submissions of ${IMAGES} images × 29 classes`,
  against: "the original's method in numpy, on text in memory",
  goal: 50,
  run: async (input) => {
    const { scratch, classes, baselines } = input;
    const files = await writeSubmissions(input, scratch, IMAGES);
    const baseline = await baselines.original('vote', { submissions: files, rows: BASELINE_ROWS, repetitions: 3 });
    const ours = await measure(IMAGES * classes.length, 7, () => voteSubmissions({ files, out: join(scratch, 'voted.csv') }));
    return { ours, baseline };
  },
};

/** The competition's test set. */
const LARGE_IMAGES = 288;
const LARGE_REPETITIONS = 3;

export const voteLarge: StandaloneCase = {
  name: 'vote-large',
  what: `carpal vote of ${SUBMISSIONS} submissions of ${LARGE_IMAGES} images × 29 classes at ${IMAGE_SIZE}², the whole process on one core`,
  run: async (input) => {
    const folder = await mkdtemp(join(input.scratch, 'vote-large-'));
    try {
      const files = await writeSubmissions(input, folder, LARGE_IMAGES);
      const bytes = (await Promise.all(files.map((file) => stat(file)))).reduce((sum, { size }) => sum + size, 0);
      const runs: WholeProcess[] = [];
      for (let run = 0; run < LARGE_REPETITIONS; run++) {
        runs.push(await wholeProcess(onOneCore([...CARPAL, 'vote', '--out', join(folder, 'voted.csv'), ...files])));
      }
      return [
        { what: 'rows per submission', value: LARGE_IMAGES * input.classes.length, unit: '' },
        { what: 'size of all submissions', value: bytes / 1e6, unit: 'MB' },
        { what: `time, median of ${LARGE_REPETITIONS}`, value: medianOf(runs.map(({ seconds }) => seconds)), unit: 's', atMost: 3 },
        { what: 'CPU time', value: medianOf(runs.map(({ cpuSeconds }) => cpuSeconds)), unit: 's' },
        { what: 'peak memory', value: Math.max(...runs.map(({ peakMb }) => peakMb)), unit: 'MB', atMost: 500 },
      ];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
