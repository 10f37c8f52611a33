/** The artifact store denies a real stage in mid-training. Everything is real except the containers, which are processes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attemptLogKey } from '@carpal/artifacts/logs.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { stageSettings } from '@carpal/operator/jobs/stage-settings.ts';
import { tinyExperiment, writeTinyDataset } from '@carpal/trainer/train/testing/tiny-dataset.ts';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type S3Server, startS3Server } from '../artifacts/s3-server.ts';
import { hostProcess } from '../cluster/host-process.ts';
import type { PodEnd } from '../cluster/kubelet-pod.ts';
import { attemptOfPod } from '../operator/attempt-objects.ts';
import { hasCondition, useOperatorWorld } from '../operator/operator-world.ts';

const BUCKET = 'hands';
const USER = 'stages';
const EPOCHS = 24;
const STORE_DENIED = 74;

const ends: { readonly stage: string; readonly attempt: number; readonly exitCode: PodEnd['exitCode'] }[] = [];
let server: S3Server;
let folder = '';

const world = useOperatorWorld({
  run: (client) => {
    const run = hostProcess({ client });
    return async (pod, control) => {
      const end = await run(pod, control);
      const { stage, attempt } = attemptOfPod(pod);
      ends.push({ stage, attempt, exitCode: end.exitCode });
      // Before the operator learns of the end: a retry that is still denied would be a second one.
      if (end.exitCode === STORE_DENIED) await server.setOwner(BUCKET, USER);
      return end;
    };
  },
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-store-denied-'));
  server = await startS3Server();
  await server.makeBucket(BUCKET);
  for (const [name, value] of Object.entries(server.environment)) vi.stubEnv(name, value);
  await writeTinyDataset(join(folder, 'data'), 4);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

it('a store that denies a fold in mid-training costs it one retry, which continues from the checkpoint to a complete experiment', async () => {
  const env = await server.addUser(USER);
  await server.setOwner(BUCKET, USER);
  const store = openStore(`s3://${BUCKET}/carpal`);
  const image = `carpal@sha256:${'0'.repeat(64)}`;
  const stages = stageSettings({ image, artifactsUri: store.uri, defaultServiceAccountName: 'default', env });
  await world().startOperator({ store, settings: { stages } });
  const { spec } = tinyExperiment(join(folder, 'data'), {
    training: { epochs: EPOCHS, batchSize: 2, earlyStopping: { patience: 0 } },
    run: { folds: [0] },
  });
  const { metadata } = await world().post('denied', { ...spec });
  const experiment = { metadata: { ...metadata, namespace: world().namespace } } as SegmentationExperiment;

  const key = foldKey(experiment, 0);
  const epochOfCheckpoint = async (): Promise<number> => {
    const record = await store.readIfPresent(`${key}/${FILE.checkpointState}`);
    return record === undefined ? 0 : (JSON.parse(record.toString()) as { epoch: number }).epoch;
  };
  await vi.waitUntil(async () => (await epochOfCheckpoint()) >= 3, { timeout: 90_000, interval: 20 });
  await server.setOwner(BUCKET);

  const { status } = await vi.waitUntil(
    async () => {
      const seen = await world().read('denied');
      return (hasCondition(seen, 'Complete') || hasCondition(seen, 'Failed')) && seen;
    },
    { timeout: 120_000, interval: 200 },
  );
  expect(ends).toEqual([
    { stage: 'prepare', attempt: 1, exitCode: 0 },
    { stage: 'fold', attempt: 1, exitCode: STORE_DENIED },
    { stage: 'fold', attempt: 2, exitCode: 0 },
    { stage: 'ensemble', attempt: 1, exitCode: 0 },
  ]);
  expect(status).toMatchObject({ state: 'Complete', folds: [{ state: 'Succeeded', attempts: 2, failures: 0, disruptions: 1 }] });
  const [denied] = status?.folds[0]?.lastAttempts ?? [];
  expect(denied).toMatchObject({ attempt: 1, exitCode: STORE_DENIED, reason: 'StoreUnavailable' });
  const log = (await store.read(attemptLogKey(experiment, { stage: 'fold', fold: 0, attempt: 2 }))).toString();
  const resumedIn = Number(/resuming in epoch (\d+)/.exec(log)?.[1]);
  expect(resumedIn).toBeGreaterThanOrEqual(3);
  expect(resumedIn).toBeLessThan(EPOCHS);
  const lines = (await store.read(`${key}/${FILE.metrics}`)).toString().trim().split('\n');
  const epochs = lines.map((line) => (JSON.parse(line) as { epoch: number }).epoch);
  expect(epochs).toEqual(Array.from({ length: EPOCHS }, (_, index) => index + 1));
}, 240_000);
