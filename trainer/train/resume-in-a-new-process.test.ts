import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { readStageProgress } from '@carpal/artifacts/progress.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPrepare } from '../stages/prepare.ts';
import type { FoldsRequest } from './testing/folds-main.ts';
import { RESUME_ROWS, type ResumeRow } from './testing/resume-rows.ts';
import { tinyExperiment, writeTinyDataset } from './testing/tiny-dataset.ts';

const MAIN = join(import.meta.dirname, 'testing/folds-main.ts');
/** In the middle of an epoch of two steps. */
const STOP_AFTER_READS = 6;

let folder: string;

/** Trains the folds in one new process. */
async function train(request: Omit<FoldsRequest, 'folder'>): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, JSON.stringify({ folder, ...request })]);
  return JSON.parse(stdout) as string[];
}

function experimentOf({ name, spec }: ResumeRow, how: 'whole' | 'halves'): SegmentationExperiment {
  const made = tinyExperiment(join(folder, 'data'), { ...spec, training: { epochs: 3, batchSize: 2, ...spec.training } });
  return { ...made, metadata: { ...made.metadata, uid: `row-${RESUME_ROWS.findIndex((row) => row.name === name)}-${how}` } };
}

const read = (experiment: SegmentationExperiment, file: string): Promise<Buffer> => readFile(join(folder, foldKey(experiment, 0), file));

/** Each process trains the folds of all rows: starting a process costs more than training one of these networks. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-new-process-'));
  await writeTinyDataset(join(folder, 'data'), 4);
  const [whole, halves] = (['whole', 'halves'] as const).map((how) => RESUME_ROWS.map((row) => experimentOf(row, how)));
  for (const experiment of [...(whole ?? []), ...(halves ?? [])])
    await runPrepare({ experiment, store: openStore(folder), clock: Date.now });
  const [finished, stopped] = await Promise.all([
    train({ experiments: whole ?? [] }),
    train({ experiments: halves ?? [], stopAfterReads: STOP_AFTER_READS }),
  ]);
  const resumed = await train({ experiments: halves ?? [] });
  expect([finished, resumed]).toEqual(Array(2).fill(RESUME_ROWS.map(() => 'finished')));
  expect(stopped).toEqual(RESUME_ROWS.map(() => expect.stringMatching(/^fold 0 stopped in epoch 2 after step 1/)));
}, 600_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(RESUME_ROWS)('a fold with $name', (row) => {
  it('ends with the same bits if it is stopped within an epoch and continued in a new process', async () => {
    const [whole, halves] = [experimentOf(row, 'whole'), experimentOf(row, 'halves')];
    for (const file of [FILE.lastCheckpoint, FILE.bestCheckpoint, FILE.outOfFoldPredictions])
      expect((await read(halves, file)).equals(await read(whole, file)), file).toBe(true);
    const progress = await readStageProgress(openStore(folder), halves, { stage: 'fold', fold: 0 });
    expect(progress?.warnings?.filter((text) => text.includes('engines')) ?? []).toEqual([]);
  });
});
