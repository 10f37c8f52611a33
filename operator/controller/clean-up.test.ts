import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolderStore } from '@carpal/artifacts/folder-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { experimentKey, type StageKey } from '@carpal/configs/names.ts';
import type { KubernetesClient, KubernetesRequest } from '@carpal/kubernetes/api/client.ts';
import { at, attempt, ENSEMBLE, experimentWith, fold, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StageRun } from '../experiment/observed.ts';
import { plan } from '../experiment/plan.ts';
import { cleanUpPlan, removeExpiredArtifacts } from './clean-up.ts';
import type { ExperimentObject } from './experiment-object.ts';

const URI = 's3://store/experiments/default/wrist/u1';
const attemptsExpire = { finishedAt: at(0).toISOString(), ttlAfterFinished: '1h' };
const artifactsExpire = { ...attemptsExpire, expiringArtifacts: URI };
const finished = attempt(fold(0), 1, { state: 'succeeded' });

describe('the clean-up plan of an ended experiment', () => {
  it('waits until the time to live has passed', () => {
    expect(cleanUpPlan([finished], attemptsExpire, at(60))).toEqual({ stop: [], remove: [], nextMs: 3_540_000 });
    expect(cleanUpPlan([], artifactsExpire, at(60))).toEqual({ stop: [], remove: [], nextMs: 3_540_000 });
  });

  it('removes only attempts if the artifacts are kept', () => {
    expect(cleanUpPlan([finished], attemptsExpire, at(3600))).toEqual({ stop: [], remove: [finished.name], nextMs: undefined });
    expect(cleanUpPlan([], attemptsExpire, at(3600))).toEqual({ stop: [], remove: [], nextMs: undefined });
  });

  it('removes attempts first, so that none writes while artifacts are removed', () => {
    const running = attempt(fold(1), 1, {});
    expect(cleanUpPlan([finished], artifactsExpire, at(3600))).toEqual({ stop: [], remove: [finished.name], nextMs: undefined });
    expect(cleanUpPlan([running], artifactsExpire, at(3600))).toEqual({ stop: [running.name], remove: [], nextMs: undefined });
    expect(cleanUpPlan([], artifactsExpire, at(3600))).toEqual({ stop: [], remove: [], removeArtifacts: URI, nextMs: undefined });
  });

  it('removes nothing if the time of the end is unknown', () => {
    const { finishedAt: _finishedAt, ...undated } = artifactsExpire;
    expect(cleanUpPlan([], undated, at(1e9))).toEqual({ stop: [], remove: [], nextMs: undefined });
    expect(cleanUpPlan([finished], undated, at(1e9))).toEqual({ stop: [], remove: [], nextMs: undefined });
  });
});

let folder: string;
let store: ArtifactStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-expired-'));
  store = openFolderStore(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const experiment = experimentWith({ ttlAfterFinished: '1h', ttlRemovesArtifacts: true });
const key = experimentKey(experiment);
const OTHERS = ['datasets/prepared/abc/index.json', 'experiments/default/wrist/u2/experiment.json'];
beforeEach(async () => {
  for (const one of [...OTHERS, `${key}/experiment.json`, `${key}/ensemble/submission.csv`]) await store.write(one, 'kept');
});

const succeeded = (stage: StageKey): StageRun => attempt(stage, 1, { state: 'succeeded', finishedAt: at(9).toISOString() });
const runs = [prepared(), ...[0, 1, 2].map(fold).map(succeeded), succeeded(ENSEMBLE)];

/** An ended experiment with the given changes. */
function ended(changes: { readonly uid?: string; readonly run?: object; readonly deletionTimestamp?: string } = {}): ExperimentObject {
  const { run = {}, ...metadata } = changes;
  const { status } = plan(experiment, { ...seen(runs), artifacts: store.uri }, at(10));
  return {
    ...experiment,
    metadata: { name: 'wrist', namespace: 'default', uid: 'u1', resourceVersion: '7', ...metadata },
    spec: { ...experiment.spec, run: { ...experiment.spec.run, ...run } },
    status,
  };
}

/** An API server with these experiments, and the requests that it received. */
function server(items: readonly ExperimentObject[]): { readonly client: KubernetesClient; readonly asked: readonly KubernetesRequest[] } {
  const asked: KubernetesRequest[] = [];
  const client: KubernetesClient = {
    request: async <Answer>(request: KubernetesRequest) => {
      asked.push(request);
      return { items } as Answer;
    },
    watch: () => {
      throw new Error('nothing is watched');
    },
    close: () => undefined,
  };
  return { client, asked };
}

const keys = async (): Promise<readonly string[]> => (await store.list('')).map((object) => object.key);
const later = (): Date => at(3700);
const uri = (): string => `${store.uri}/${key}`;

describe('the artifacts of an ended experiment whose time to live has passed', () => {
  it('are removed and nothing else is; the new status records the time of the removal and no longer names the artifacts', async () => {
    const { client } = server([ended()]);
    expect(ended().status).toMatchObject({ artifacts: uri(), submission: `${uri()}/ensemble/submission.csv` });
    const removed = await removeExpiredArtifacts({ client, store, now: later }, experiment, uri());
    expect(await keys()).toEqual(OTHERS);
    const { artifacts: _artifacts, submission: _submission, ...rest } = ended().status ?? { artifacts: '', submission: '' };
    expect(removed?.kept.metadata).toMatchObject({ uid: 'u1', resourceVersion: '7' });
    expect(removed?.status).toEqual({ ...rest, artifactsRemovedAt: later().toISOString() });
  });

  it.each([
    ['the experiment is gone', () => []],
    ['another experiment has the same name', () => [ended({ uid: 'u2' })]],
    ['the experiment is being deleted', () => [ended({ deletionTimestamp: at(11).toISOString() })]],
    ['the experiment now keeps its artifacts', () => [ended({ run: { ttlRemovesArtifacts: false } })]],
    ['the experiment now keeps its artifacts for longer', () => [ended({ run: { ttlAfterFinished: '2h' } })]],
    ['the experiment has not ended', () => [{ ...ended(), status: plan(experiment, seen([prepared()]), at(10)).status }]],
  ] as const)('are kept if the API server reports that %s', async (_what, items) => {
    const { client, asked } = server(items());
    expect(await removeExpiredArtifacts({ client, store, now: later }, experiment, uri())).toBeUndefined();
    expect(await keys()).toHaveLength(4);
    expect(asked.map(({ method }) => method)).toEqual(['GET']);
  });

  it('are kept if they are not in the operator’s store', async () => {
    const { client, asked } = server([ended()]);
    expect(await removeExpiredArtifacts({ client, store, now: later }, experiment, `s3://former/${key}`)).toBeUndefined();
    expect(await keys()).toHaveLength(4);
    expect(asked).toEqual([]);
  });

  it('stay in the status if the store cannot remove them', async () => {
    const { client, asked } = server([ended()]);
    const broken: ArtifactStore = { ...store, remove: () => Promise.reject(new Error('the store does not answer')) };
    await expect(removeExpiredArtifacts({ client, store: broken, now: later }, experiment, uri())).rejects.toThrow('does not answer');
    expect(asked.map(({ method }) => method)).toEqual(['GET']);
  });
});
