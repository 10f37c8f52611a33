import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolderStore } from '@carpal/artifacts/folder-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { experimentKey, type StageKey } from '@carpal/configs/names.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import type { KubernetesClient, KubernetesRequest } from '@carpal/kubernetes/api/client.ts';
import { silentLog } from '@carpal/kubernetes/runtime/logger.ts';
import { at, attempt, ENSEMBLE, experimentWith, fold, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StageRun } from '../experiment/observed.ts';
import { plan } from '../experiment/plan.ts';
import { stageSettings } from '../jobs/stage-settings.ts';
import { cleanUp, cleanUpPlan } from './clean-up.ts';
import { createCollections } from './collections.ts';
import { createActiveExperiments } from './experiment-memory.ts';
import { type ExperimentObject, keepExperiment } from './experiment-object.ts';

const URI = 's3://store/experiments/default/wrist/u1';
const attemptsExpire = { finishedAt: at(0).toISOString(), ttlAfterFinished: '1h' };
const artifactsExpire = { ...attemptsExpire, expiringArtifacts: URI };
const finished = attempt(fold(0), 1, { state: 'succeeded' });

describe('the clean-up plan of an ended experiment', () => {
  it('waits until the time to live has passed', () => {
    expect(cleanUpPlan([finished], attemptsExpire, at(60))).toEqual({ stop: [], abandon: [], remove: [], nextMs: 3_540_000 });
    expect(cleanUpPlan([], artifactsExpire, at(60))).toEqual({ stop: [], abandon: [], remove: [], nextMs: 3_540_000 });
  });

  it('removes only attempts if the artifacts are kept', () => {
    expect(cleanUpPlan([finished], attemptsExpire, at(3600))).toEqual({
      stop: [],
      abandon: [],
      remove: [finished.name],
      nextMs: undefined,
    });
    expect(cleanUpPlan([], attemptsExpire, at(3600))).toEqual({ stop: [], abandon: [], remove: [], nextMs: undefined });
  });

  it('removes attempts first, so that none writes while artifacts are removed', () => {
    const running = attempt(fold(1), 1, {});
    expect(cleanUpPlan([finished], artifactsExpire, at(3600))).toEqual({
      stop: [],
      abandon: [],
      remove: [finished.name],
      nextMs: undefined,
    });
    expect(cleanUpPlan([running], artifactsExpire, at(3600))).toEqual({ stop: [running.name], abandon: [], remove: [], nextMs: undefined });
    expect(cleanUpPlan([], artifactsExpire, at(3600))).toEqual({
      stop: [],
      abandon: [],
      remove: [],
      removeArtifacts: URI,
      nextMs: undefined,
    });
  });

  it('removes nothing if the time of the end is unknown', () => {
    const { finishedAt: _finishedAt, ...undated } = artifactsExpire;
    expect(cleanUpPlan([], undated, at(1e9))).toEqual({ stop: [], abandon: [], remove: [], nextMs: undefined });
    expect(cleanUpPlan([finished], undated, at(1e9))).toEqual({ stop: [], abandon: [], remove: [], nextMs: undefined });
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
function ended(
  changes: { readonly uid?: string; readonly generation?: number; readonly run?: object; readonly deletionTimestamp?: string } = {},
): ExperimentObject {
  const { run = {}, ...metadata } = changes;
  const { status } = plan(experiment, { ...seen(runs), artifacts: store.uri }, at(10));
  return {
    ...experiment,
    metadata: { name: 'wrist', namespace: 'default', uid: 'u1', resourceVersion: '7', ...metadata },
    spec: { ...experiment.spec, run: { ...experiment.spec.run, ...run } },
    status,
  };
}

/** An API server with these experiments, which accepts every status, and the requests that it received. */
function server(items: readonly ExperimentObject[]) {
  const asked: KubernetesRequest[] = [];
  const statuses: (ExperimentStatus | undefined)[] = [];
  const client: KubernetesClient = {
    request: async <Answer>(request: KubernetesRequest) => {
      asked.push(request);
      if (request.method !== 'PATCH') return { items } as Answer;
      const { status } = request.body as ExperimentObject;
      statuses.push(status);
      return { ...items[0], status, metadata: { ...items[0]?.metadata, resourceVersion: `${7 + statuses.length}` } } as Answer;
    },
    watch: () => {
      throw new Error('nothing is watched');
    },
    close: () => undefined,
  };
  const notes: string[] = [];
  const active = createActiveExperiments({ classLists: [], now: later, log: silentLog });
  const collections = createCollections({ client, active, onDue: () => undefined, random: () => 0.5, log: silentLog });
  const dependencies = {
    client,
    collections,
    store,
    settings: { stages: stageSettings({ image: 'carpal', artifactsUri: store.uri }), workers: 1, provenance: { carpal: '0', node: '0' } },
    missingPod: async () => undefined,
    askQueue: async () => undefined,
    events: {
      record: (_about: unknown, events: readonly { readonly note: string }[]) => void notes.push(...events.map(({ note }) => note)),
    },
    now: later,
    log: silentLog,
  };
  const cleanUpNow = async (changes: Partial<typeof dependencies> = {}): Promise<number | undefined> => {
    const kept = keepExperiment(ended());
    return kept.ended === undefined ? undefined : await cleanUp({ ...dependencies, ...changes }, kept, kept.ended);
  };
  return { cleanUpNow, asked, statuses, notes };
}

const keys = async (): Promise<readonly string[]> => (await store.list('')).map((object) => object.key);
const later = (): Date => at(3700);
const uri = (): string => `${store.uri}/${key}`;

describe('the artifacts of an ended experiment whose time to live has passed', () => {
  it('are removed and nothing else is; the status records the removal before it begins, and no longer names the artifacts after it', async () => {
    const { cleanUpNow, statuses, notes } = server([ended()]);
    expect(ended().status).toMatchObject({ artifacts: uri(), submission: `${uri()}/ensemble/submission.csv` });
    await cleanUpNow();
    expect(await keys()).toEqual(OTHERS);
    const { artifacts: _artifacts, submission: _submission, ...rest } = ended().status ?? { artifacts: '', submission: '' };
    const artifactsRemovedAt = later().toISOString();
    expect(statuses).toEqual([
      { ...ended().status, artifactsRemovedAt },
      { ...rest, artifactsRemovedAt },
    ]);
    expect(notes).toEqual([`${uri()} was removed: run.ttlAfterFinished has passed`]);
  });

  it.each([
    ['the experiment is gone', () => []],
    ['another experiment has the same name', () => [ended({ uid: 'u2' })]],
    ['the experiment is being deleted', () => [ended({ deletionTimestamp: at(11).toISOString() })]],
    ['the experiment now keeps its artifacts', () => [ended({ run: { ttlRemovesArtifacts: false } })]],
    ['the experiment now keeps its artifacts for longer', () => [ended({ run: { ttlAfterFinished: '2h' } })]],
    ['the experiment has not ended', () => [{ ...ended(), status: plan(experiment, seen([prepared()]), at(10)).status }]],
    ['its spec has changed, which may reopen it', () => [ended({ generation: 2, run: { retry: 1 } })]],
  ] as const)('are kept if the API server reports that %s', async (_what, items) => {
    const { cleanUpNow, asked } = server(items());
    await cleanUpNow();
    expect(await keys()).toHaveLength(4);
    expect(asked.map(({ method }) => method)).toEqual(['GET']);
  });

  it('are kept if they are not in the operator’s store', async () => {
    const { cleanUpNow, statuses } = server([ended()]);
    await cleanUpNow({ store: { ...store, uri: 's3://later' } });
    expect(await keys()).toHaveLength(4);
    expect(statuses).toEqual([]);
  });

  it('stay in the status until they are gone, so that an interrupted removal is finished', async () => {
    const first = server([ended()]);
    const broken: ArtifactStore = { ...store, remove: () => Promise.reject(new Error('the store does not answer')) };
    await expect(first.cleanUpNow({ store: broken })).rejects.toThrow('does not answer');
    const [marked] = first.statuses;
    expect(marked).toMatchObject({ artifacts: uri(), artifactsRemovedAt: later().toISOString() });
    if (marked === undefined) return;
    const second = server([{ ...ended(), status: marked }]);
    await second.cleanUpNow();
    expect(await keys()).toEqual(OTHERS);
    expect(second.statuses).toHaveLength(1);
    expect(second.statuses[0]?.artifacts).toBeUndefined();
  });
});
