/** Out-of-fold files of many images from a network that answers with logits of the true masks, and what they need. */
import { openStore } from '@carpal/artifacts/open-store.ts';
import { withTemporaryFolder } from '@carpal/artifacts/temporary-folder.ts';
import { addCoverage } from '@carpal/masks/coverage.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import { openPrepared, type PreparedSample } from '@carpal/report/dataset/prepared-set.ts';
import { nextTurn } from '@carpal/trainer/infer/pause.ts';
import { writeOutOfFold } from '@carpal/trainer/train/out-of-fold.ts';
import type { OutOfFoldRequest, OutOfFoldUse } from '../cases/out-of-fold.ts';

const { prepared: folder, size, images, different } = JSON.parse(process.argv[2] ?? '{}') as OutOfFoldRequest;
const prepared = await openPrepared(folder);
const classes = prepared.classes.length;
const samples = prepared.samples.slice(0, different);

/** The coverage of an image's masks, `[size, size, classes]`, smoothed: each pixel counts twice, and its four neighbours once. */
async function softCoverage(sample: PreparedSample): Promise<Uint8Array> {
  const { width, height } = sample;
  const fit = squareFit(width, height, size);
  const coverage = new Uint8Array(size * size * classes);
  for (const [index, polygon] of (await prepared.readPolygons(sample)).entries())
    addCoverage(fillPolygon(polygon, width, height), fit, coverage, index, classes);
  const row = size * classes;
  const soft = new Uint8Array(coverage.length);
  for (let at = row; at < coverage.length - row; at++) {
    const [left, right] = [coverage[at - classes] as number, coverage[at + classes] as number];
    const [above, below] = [coverage[at - row] as number, coverage[at + row] as number];
    soft[at] = (2 * (coverage[at] as number) + left + right + above + below) / 6;
  }
  return soft;
}

const answers: Uint8Array[] = [];
for (const sample of samples) answers.push(await softCoverage(sample));

/** The logits of a network whose probability is the coverage. */
const LOGITS = Float32Array.from({ length: 256 }, (_, level) => Math.max(-9, Math.min(9, Math.log(level / (255 - level)))));
let calls = 0;
const network = {
  predictor: {
    run: (): Float32Array => {
      const answer = answers[calls++ % answers.length] as Uint8Array;
      const logits = new Float32Array(answer.length);
      for (let at = 0; at < logits.length; at++) logits[at] = LOGITS[answer[at] as number] as number;
      return logits;
    },
    dispose: () => undefined,
  },
  inputSize: size,
  imageSize: size,
  sizeMultiple: 1,
};

let earlyMb = 0;
const residentMb = (): number => process.memoryUsage.rss() / 2 ** 20;
await withTemporaryFolder('bench-out-of-fold', async (out) => {
  const startMs = performance.now();
  const start = process.cpuUsage();
  await writeOutOfFold(
    {
      samples: Array.from({ length: images }, (_, index) => samples[index % samples.length] as PreparedSample),
      prepared,
      network,
      viewing: { views: ['identity'], degrees: 10, scale: 0.25 },
      threshold: 0.5,
      pause: nextTurn,
      imageDone: async (done) => {
        if (done <= images / 4) earlyMb = Math.max(earlyMb, residentMb());
      },
    },
    openStore(out),
    'fold',
  );
  const { user, system } = process.cpuUsage(start);
  const use: OutOfFoldUse = {
    seconds: (performance.now() - startMs) / 1000,
    cpuSeconds: (user + system) / 1e6,
    earlyMb,
    lateMb: residentMb(),
  };
  process.stdout.write(`${JSON.stringify(use)}\n`);
});
