import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openFolderStore } from './folder-store.ts';
import { type LiveExperiment, type PruneOptions, planPrune, removePart } from './prune.ts';
import type { ArtifactStore } from './store.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 0, 31);
const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(24)) as [string, string, string];

let root = '';
let folder = '';
let store: ArtifactStore;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'carpal-prune-'));
});
beforeEach(async () => {
  folder = await mkdtemp(join(root, 'store-'));
  store = openFolderStore(folder);
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Writes an object of that age. */
async function leave(key: string, days: number, content = 'x'): Promise<void> {
  await store.write(key, content);
  const time = new Date(NOW_MS - days * DAY_MS);
  await utimes(join(folder, key), time, time);
}

const experiment = async (key: string, days: number, hash?: string): Promise<void> => {
  await leave(`experiments/${key}/experiment.json`, days, '{}');
  if (hash !== undefined) await leave(`experiments/${key}/prepare/prepared.json`, days, JSON.stringify({ hash }));
};

const exists = (key: string, isActive = false): LiveExperiment => {
  const [namespace = '', name = '', uid] = key.split('/');
  return { namespace, name, uid, isActive };
};
const options = (live: readonly LiveExperiment[], more: Partial<PruneOptions> = {}): PruneOptions => ({
  live,
  minimumAgeMs: 14 * DAY_MS,
  nowMs: NOW_MS,
  ...more,
});
const removals = async (live: readonly LiveExperiment[], more: Partial<PruneOptions> = {}): Promise<readonly string[]> =>
  (await planPrune(store, options(live, more))).removals.map(({ key }) => key);

describe('a plan of what to remove from a store', () => {
  it('has the experiments that no longer exist, with their size, age and reason, and nothing else', async () => {
    await experiment('lab/wrist/u1', 40);
    await leave('experiments/lab/wrist/u1/folds/0/progress.json', 30, '1234567890');
    await experiment('lab/wrist/u2', 40);
    await experiment('lab/gone/u3', 20);
    await leave('notes.txt', 99);
    await leave('experiments/readme.txt', 99);
    const plan = await planPrune(store, options([exists('lab/wrist/u2')]));
    expect(plan).toEqual({
      removals: [
        {
          kind: 'experiment',
          key: 'experiments/lab/gone/u3',
          objects: 1,
          bytes: 2,
          newestMs: NOW_MS - 20 * DAY_MS,
          why: 'no such experiment exists',
        },
        {
          kind: 'experiment',
          key: 'experiments/lab/wrist/u1',
          objects: 2,
          bytes: 12,
          newestMs: NOW_MS - 30 * DAY_MS,
          why: 'the experiment was deleted; another one has its name',
        },
      ],
      liveExperiments: 1,
      young: 0,
    });
  });

  it('has nothing whose newest object is younger than the minimum age', async () => {
    await experiment('lab/gone/u1', 40);
    await leave('experiments/lab/gone/u1/logs/fold-0-1.txt', 13);
    await leave(`datasets/prepared/lab/${A}/index.json`, 13);
    expect(await planPrune(store, options([]))).toEqual({ removals: [], liveExperiments: 0, young: 2 });
    expect(await removals([], { minimumAgeMs: 12 * DAY_MS })).toEqual(['experiments/lab/gone/u1', `datasets/prepared/lab/${A}`]);
  });

  it('has the prepared sets that no remaining experiment of their namespace uses', async () => {
    for (const key of [`lab/${A}`, `lab/${B}`, `other/${A}`]) {
      await leave(`datasets/prepared/${key}/index.json`, 40);
      await leave(`datasets/prepared/${key}/images/p_0.bin`, 40);
    }
    await experiment('lab/wrist/u1', 40, A);
    await experiment('lab/gone/u2', 40, B);
    expect(await removals([exists('lab/wrist/u1')])).toEqual([
      'experiments/lab/gone/u2',
      `datasets/prepared/lab/${B}`,
      `datasets/prepared/other/${A}`,
    ]);
  });

  it('keeps the prepared sets of an experiment that is too young to be removed itself', async () => {
    await leave(`datasets/prepared/lab/${A}/index.json`, 40);
    await experiment('lab/gone/u1', 3, A);
    expect(await removals([])).toEqual([]);
  });

  it('keeps all prepared sets of a namespace in which an experiment has not prepared its data yet', async () => {
    await leave(`datasets/prepared/lab/${A}/index.json`, 40);
    await leave(`datasets/prepared/other/${A}/index.json`, 40);
    await leave(`datasets/prepared/${B}/index.json`, 40);
    expect(await removals([exists('lab/begins/u1', true)])).toEqual([`datasets/prepared/other/${A}`]);
    expect(await removals([exists('lab/ended/u1', false)])).toHaveLength(3);
  });

  it('has the sets of an earlier version, which namespaces shared, once no namespace uses them', async () => {
    await leave(`datasets/prepared/${A}/index.json`, 40);
    await leave(`datasets/prepared/${C}/images/p_0.bin`, 40);
    await experiment('lab/wrist/u1', 40, A);
    expect(await removals([exists('lab/wrist/u1')])).toEqual([`datasets/prepared/${C}`]);
  });

  it('has only keys of the given namespace', async () => {
    for (const namespace of ['lab', 'laboratory']) {
      await experiment(`${namespace}/gone/u1`, 40);
      await leave(`datasets/prepared/${namespace}/${A}/index.json`, 40);
    }
    await leave(`datasets/prepared/${A}/index.json`, 40);
    expect(await removals([], { namespace: 'lab' })).toEqual(['experiments/lab/gone/u1', `datasets/prepared/lab/${A}`]);
  });

  it('keeps every experiment of a name that was given without a uid', async () => {
    for (const uid of ['u1', 'u2']) await experiment(`lab/wrist/${uid}`, 40);
    expect(await removals([exists('lab/wrist')])).toEqual([]);
  });
});

describe('the removal of a part', () => {
  it('removes it, unless it has changed since the plan was made', async () => {
    await experiment('lab/gone/u1', 40);
    await experiment('lab/gone/u2', 40);
    const plan = await planPrune(store, options([]));
    await leave('experiments/lab/gone/u2/experiment.json', 0);
    const removed: boolean[] = [];
    for (const removal of plan.removals) removed.push(await removePart(store, removal, options([])));
    expect(removed).toEqual([true, false]);
    expect((await store.list('')).map(({ key }) => key)).toEqual(['experiments/lab/gone/u2/experiment.json']);
  });
});
