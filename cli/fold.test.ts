import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attemptLogKey } from '@carpal/artifacts/logs.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { readStageProgress } from '@carpal/artifacts/progress.ts';
import { FILE, foldKey, prepareKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { carpal, type Ending, start } from '@carpal/testbed/cli/run-cli.ts';
import { runPrepare } from '@carpal/trainer/stages/prepare.ts';
import { tinyExperiment, writeTinyDataset } from '@carpal/trainer/train/testing/tiny-dataset.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-cli-fold-'));
  await writeTinyDataset(join(folder, 'data'), 6);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** In smaller images, the threads do not share an operation. */
const LARGER = { input: { size: 64 }, training: { epochs: 2, batchSize: 2 } };

/** Writes an experiment file with its own uid and prepares it. */
async function experimentFile(
  uid: string,
  spec: Parameters<typeof tinyExperiment>[1] = {},
): Promise<{ experiment: SegmentationExperiment; file: string }> {
  const made = tinyExperiment(join(folder, 'data'), spec);
  const experiment = { ...made, metadata: { ...made.metadata, uid } };
  await runPrepare({ experiment, store: openStore(folder), clock: Date.now });
  const file = join(folder, `${uid}.json`);
  await writeFile(file, JSON.stringify(experiment));
  return { experiment, file };
}

/** Runs `carpal fold` and sends it `signal` as soon as its output contains `when`. */
async function runProcess(file: string, signal?: NodeJS.Signals, when = '', ...more: readonly string[]): Promise<Ending> {
  const running = start(carpal('fold', '--fold', '1', '--experiment', file, '--artifacts', folder, ...more), folder);
  if (signal) {
    await running.printed(when);
    running.process.kill(signal);
  }
  return await running.ended;
}

async function weightsOf(experiment: SegmentationExperiment): Promise<string[]> {
  const key = foldKey(experiment, 1);
  return Promise.all(
    [FILE.lastCheckpoint, FILE.bestCheckpoint].map(async (name) => (await readFile(join(folder, key, name))).toString('base64')),
  );
}

describe('carpal fold', () => {
  it('ends with the weights of an uninterrupted run after kill -9 at several moments and after SIGTERM', { timeout: 120_000 }, async () => {
    const straight = await experimentFile('straight');
    expect(await runProcess(straight.file)).toMatchObject({ code: 0 });
    const broken = await experimentFile('broken');
    for (const moment of ['training on', 'epoch 1/6', 'epoch 3/6']) {
      expect(await runProcess(broken.file, 'SIGKILL', moment), moment).toMatchObject({ killedBy: 'SIGKILL' });
    }
    const stopped = await runProcess(broken.file, 'SIGTERM', 'epoch 4/6');
    expect(stopped.code).toBe(75);
    expect(stopped.stderr).toMatch(/^stopped-with-checkpoint: fold 1 stopped (in|after) epoch \d/m);
    expect(await runProcess(broken.file, 'SIGKILL', 'epoch 6/6')).toMatchObject({ killedBy: 'SIGKILL' });
    expect(await runProcess(broken.file)).toMatchObject({ code: 0 });
    expect(await weightsOf(broken.experiment)).toEqual(await weightsOf(straight.experiment));
  });

  it('ends with the same bits only on the same number of threads, and warns once if it continues on another', {
    timeout: 240_000,
  }, async () => {
    const cores = async (of: SegmentationExperiment, cpu: string): Promise<string> => {
      const file = join(folder, `${of.metadata.uid}-${cpu}.json`);
      await writeFile(file, JSON.stringify({ ...of, spec: { ...of.spec, placement: { ...of.spec.placement, cpu } } }));
      return file;
    };
    /** Stops a fold on two threads and continues it on the threads of `cpu`. */
    const continued = async (uid: string, cpu: string) => {
      const { experiment } = await experimentFile(uid, LARGER);
      expect((await runProcess(await cores(experiment, '2'), 'SIGTERM', 'epoch 1/2')).code).toBe(75);
      const ending = await runProcess(await cores(experiment, cpu));
      const progress = await readStageProgress(openStore(folder), experiment, { stage: 'fold', fold: 1 });
      return {
        ending,
        warnings: progress?.warnings?.filter((text) => text.includes('engines')) ?? [],
        weights: await weightsOf(experiment),
      };
    };
    const whole = await experimentFile('whole', LARGER);
    await runProcess(await cores(whole.experiment, '2'));
    const same = await continued('same-threads', '2');
    expect(same.weights).toEqual(await weightsOf(whole.experiment));
    expect(same.ending).toMatchObject({ code: 0, stdout: expect.not.stringContaining('engines') });
    expect(same.warnings).toEqual([]);
    const other = await continued('other-threads', '1');
    expect(other.weights).not.toEqual(same.weights);
    const warning = expect.stringMatching(/^the fold was trained in parts on different engines, .*: threads 2, then 1$/);
    expect([other.warnings, other.ending.stdout.match(/engines/g)]).toEqual([[warning], ['engines']]);
  });

  it('prints nothing of TensorFlow on standard error', { timeout: 60_000 }, async () => {
    const { file } = await experimentFile('quiet', { training: { epochs: 1, batchSize: 2 } });
    expect(await runProcess(file)).toMatchObject({ code: 0, stderr: '' });
  });

  it('stores all that it printed, and its error, as the log of its attempt', { timeout: 60_000 }, async () => {
    const { file, experiment } = await experimentFile('logged');
    const logOf = async (attempt: number): Promise<string> =>
      (await readFile(join(folder, attemptLogKey(experiment, { stage: 'fold', fold: 1, attempt })))).toString();
    const stopped = await runProcess(file, 'SIGTERM', 'epoch 2/6', '--attempt', '1');
    expect(stopped.code).toBe(75);
    expect(await logOf(1)).toMatch(/^fold 1: SlimUNet with .*\nepoch 1\/6 (.*\n)+stopped-with-checkpoint: fold 1 stopped .*\n {2}→ .*\n$/);
    const finished = await runProcess(file, undefined, '', '--attempt', '2');
    expect(await logOf(2)).toBe(finished.stdout);
    expect(await logOf(2)).toContain('resuming');
    const { file: other, experiment: broken } = await experimentFile('broken-log');
    await rm(join(folder, prepareKey(broken)), { recursive: true });
    const failed = await runProcess(other, undefined, '', '--attempt', '1');
    const text = (await readFile(join(folder, attemptLogKey(broken, { stage: 'fold', fold: 1, attempt: 1 })))).toString();
    expect(failed.code).toBe(65);
    expect(text).toBe(failed.stderr);
  });

  it('reports immediately that a finished fold is finished', async () => {
    const { file } = await experimentFile('straight');
    expect(await runProcess(file)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^fold 1 is already finished: best Dice 0\.\d{4} in epoch \d\n$/m),
    });
  });
});
