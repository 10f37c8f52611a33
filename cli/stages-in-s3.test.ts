import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attemptLogKey } from '@carpal/artifacts/logs.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { ensembleKey, FILE, foldKey, prepareKey, reportKey } from '@carpal/configs/names.ts';
import { stageProgressSchema } from '@carpal/configs/schema/progress.ts';
import { type Fault, startFaultyProxy } from '@carpal/testbed/artifacts/faulty-proxy.ts';
import { type S3Server, startS3Server } from '@carpal/testbed/artifacts/s3-server.ts';
import { carpal, type Ending, run } from '@carpal/testbed/cli/run-cli.ts';
import { tinyExperiment, writeTinyDataset } from '@carpal/trainer/train/testing/tiny-dataset.ts';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

let server: S3Server;
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-stages-in-s3-'));
  server = await startS3Server();
  await server.makeBucket('hands');
  for (const [name, value] of Object.entries(server.environment)) vi.stubEnv(name, value);
  // Local copies are temporary files; this test uses its own folder for them.
  await mkdir(join(folder, 'tmp'));
  vi.stubEnv('TMPDIR', join(folder, 'tmp'));
  await writeTinyDataset(join(folder, 'data'), 4);
  const test = join(folder, 'data', 'test', 'DCM', 'ID009');
  await mkdir(test, { recursive: true });
  await sharp({ create: { width: 80, height: 50, channels: 3, background: '#444444' } })
    .png()
    .toFile(join(test, 'wide.png'));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const call = (...words: readonly string[]): Promise<Ending> => run(carpal(...words), folder);

const experimentOver = (uri: string) => tinyExperiment(uri, { training: { epochs: 1, batchSize: 4 }, run: { folds: [0] } });

/** All three stages, each in its own process. */
async function runStages(uri: string, artifacts: string): Promise<void> {
  const file = join(folder, 'experiment.json');
  await writeFile(file, JSON.stringify(experimentOver(uri)));
  const common = ['--experiment', file, '--artifacts', artifacts];
  for (const stage of [['prepare'], ['fold', '--fold', '0'], ['ensemble']]) {
    const { code, stderr } = await call(...stage, ...common);
    expect(code, stderr).toBe(0);
  }
}

describe('the stages with data set and artifacts in S3', () => {
  it('produce the same as in a folder: the same weights, the same submission, and a report', async () => {
    const store = openStore('s3://hands/carpal');
    await openStore('s3://hands/data').publish(join(folder, 'data'), 'tiny');
    await runStages('s3://hands/data/tiny', store.uri);
    await runStages(join(folder, 'data'), join(folder, 'store'));
    const local = openStore(join(folder, 'store'));
    const experiment = experimentOver('s3://hands/data/tiny');
    const same = [`${foldKey(experiment, 0)}/${FILE.bestCheckpoint}`, `${ensembleKey(experiment)}/${FILE.submission}`];
    for (const key of same) expect((await store.read(key)).equals(await local.read(key)), key).toBe(true);
    const keys = async (of: typeof store): Promise<string[]> => (await of.list('')).map(({ key }) => key);
    expect(await keys(store)).toEqual(await keys(local));
    expect((await store.read(`${reportKey(experiment)}/${FILE.report}`)).toString()).toContain('s3://hands/data/tiny');
    for (const key of [prepareKey(experiment), foldKey(experiment, 0), ensembleKey(experiment)]) {
      const progress = stageProgressSchema.parse(JSON.parse((await store.read(`${key}/${FILE.progress}`)).toString()));
      expect(progress.state).toBe('finished');
    }
  });

  it('end with exit 65 if the bucket is empty, and 74 if it does not exist', async () => {
    const file = join(folder, 'nothing.json');
    await writeFile(file, JSON.stringify(experimentOver('s3://hands/nothing')));
    const nothing = await call('prepare', '--experiment', file, '--artifacts', 's3://hands/carpal');
    expect(nothing).toMatchObject({ code: 65, stderr: expect.stringContaining('dataset-missing') });
    const report = await openStore('s3://hands/carpal').read(`${prepareKey(experimentOver('any'))}/${FILE.progress}`);
    expect(JSON.parse(report.toString())).toMatchObject({
      state: 'failed',
      error: { code: 'dataset-missing', where: 's3://hands/nothing' },
    });
    const noBucket = await call('prepare', '--experiment', file, '--artifacts', 's3://no-such-bucket/carpal');
    expect(noBucket).toMatchObject({ code: 74, stderr: expect.stringContaining('store-misplaced') });
  });

  it.each<[string, string, Fault, { code: number; error: string }]>([
    ['is denied', 's3://hands/data', { status: 403, code: 'AccessDenied' }, { code: 74, error: 'store-denied' }],
    [
      'needs credentials that have expired',
      's3://hands/data',
      { status: 403, code: 'RequestExpired' },
      { code: 74, error: 'store-denied' },
    ],
    ['is in a bucket that does not exist', 's3://no-such-bucket/data', 'pass', { code: 74, error: 'store-misplaced' }],
    ['is behind a sign-in page', 's3://hands/data', { status: 200, html: '<p>Sign in' }, { code: 74, error: 'store-misplaced' }],
    ['is in a bucket that does not have the folder', 's3://hands/nothing', 'pass', { code: 65, error: 'dataset-missing' }],
  ])('report it and end with the right code if the data set %s', async (name, uri, fault, { code, error }) => {
    const proxy = await startFaultyProxy(server.port);
    try {
      proxy.set(fault);
      vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${proxy.port}`);
      const file = join(folder, 'unreachable.json');
      await writeFile(file, JSON.stringify(experimentOver(uri)));
      const artifacts = join(folder, name);
      const ending = await call('prepare', '--experiment', file, '--artifacts', artifacts, '--attempt', '3');
      expect(ending).toMatchObject({ code, stderr: expect.stringContaining(error) });
      const experiment = experimentOver(uri);
      const report = await openStore(artifacts).read(`${prepareKey(experiment)}/${FILE.progress}`);
      expect(JSON.parse(report.toString())).toMatchObject({ state: 'failed', error: { code: error, where: uri } });
      const log = await openStore(artifacts).read(attemptLogKey(experiment, { stage: 'prepare', attempt: 3 }));
      expect(log.toString()).toBe(ending.stderr);
    } finally {
      vi.stubEnv('AWS_ENDPOINT_URL', server.endpoint);
      await proxy.close();
    }
  });

  it('are planned by carpal run for a data set in S3 too', async () => {
    const file = join(folder, 'run.json');
    await writeFile(file, JSON.stringify(experimentOver('s3://hands/data/tiny')));
    expect(await call('run', file, '--dry-run', '--workdir', join(folder, 'work'))).toMatchObject({ code: 0, stderr: '' });
  });
});
