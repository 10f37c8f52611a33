import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolderStore } from '@carpal/artifacts/folder-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { carpal, type Ending, run } from '@carpal/testbed/cli/run-cli.ts';
import { FakeApiServer, fault } from '@carpal/testbed/kubernetes/fake-api-server.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const DAY_MS = 86_400_000;
let folder = '';
let store: ArtifactStore;
let cluster: FakeApiServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-prune-'));
  store = openFolderStore(join(folder, 'artifacts'));
  cluster = await FakeApiServer.start();
  await writeFile(
    join(folder, 'kubeconfig'),
    JSON.stringify({
      'current-context': 'lab',
      clusters: [{ name: 'lab', cluster: { server: cluster.url } }],
      contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'me' } }],
      users: [{ name: 'me', user: { token: 'x' } }],
    }),
  );
});
afterEach(async () => {
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
});

const call = (...words: string[]): Promise<Ending> => run(carpal('artifacts', 'prune', '--artifacts', 'artifacts', ...words), folder);
const inCluster = (...words: string[]): Promise<Ending> => call('--kubeconfig', 'kubeconfig', ...words);

/** An experiment of that age in the store. */
async function leave(key: string, days = 40): Promise<void> {
  await store.write(`experiments/${key}/experiment.json`, 'x'.repeat(2000));
  const time = new Date(Date.now() - days * DAY_MS);
  await utimes(join(folder, 'artifacts/experiments', key, 'experiment.json'), time, time);
}

/** The experiment in the cluster. */
const exists = (namespace: string, name: string, uid: string): unknown =>
  cluster.objects.create(`/apis/carpal.dev/v1alpha1/namespaces/${namespace}/segmentationexperiments`, { metadata: { name, uid } });
const left = async (): Promise<readonly string[]> => (await store.list('')).map(({ key }) => key.split('/').slice(1, 4).join('/'));

describe('carpal artifacts prune', () => {
  it('lists the artifacts of experiments that the cluster does not have, and removes them only with --yes', async () => {
    await leave('lab/wrist/u1');
    await leave('lab/gone/u2');
    await leave('lab/young/u3', 3);
    exists('lab', 'wrist', 'u1');
    const listed = await inCluster();
    expect([listed.code, listed.stderr]).toEqual([0, '']);
    expect(listed.stdout).toMatch(
      /^experiments\/lab\/gone\/u2: 1 object, 2\.0 KiB, newest \d{4}-\d\d-\d\d: no such experiment exists\n2\.0 KiB under 1 key can be removed: add --yes; 1 experiment in use, 1 without use for less than 14d\n$/,
    );
    expect(await left()).toHaveLength(3);
    const removed = await inCluster('--yes');
    expect([removed.code, removed.stdout]).toEqual([0, expect.stringContaining('2.0 KiB under 1 key removed; 1 experiment in use')]);
    expect(await left()).toEqual(['lab/wrist/u1', 'lab/young/u3']);
    expect(JSON.parse((await inCluster('--older-than', '2d', '--json')).stdout)).toMatchObject({
      removals: [{ kind: 'experiment', key: 'experiments/lab/young/u3', bytes: 2000 }],
      removed: [],
    });
  });

  it('removes nothing if the cluster does not answer completely', async () => {
    await leave('lab/gone/u2');
    exists('lab', 'wrist', 'u1');
    cluster.next('list', fault.reject(403, 'Forbidden'));
    const denied = await inCluster('--yes', '--even-if-none-is-left');
    expect([denied.code, denied.stdout]).toEqual([69, '']);
    expect(denied.stderr).toMatch(/cluster-unreadable.*nothing was removed.*403/s);
    const absent = await call('--kubeconfig', 'no-such-file', '--yes');
    expect([absent.code, absent.stderr]).toEqual([78, expect.stringContaining('kubeconfig-invalid')]);
    expect(await left()).toEqual(['lab/gone/u2']);
  });

  it('refuses to remove everything, as with the wrong cluster, unless an option allows it', async () => {
    await leave('lab/gone/u2');
    exists('lab', 'wrist', 'u1');
    const refused = await inCluster('--yes');
    expect([refused.code, refused.stderr]).toEqual([64, expect.stringContaining('--even-if-none-is-left')]);
    expect(await left()).toEqual(['lab/gone/u2']);
    expect((await inCluster('--yes', '--even-if-none-is-left')).code).toBe(0);
    expect(await left()).toEqual([]);
  });

  it('keeps the experiments of a file in addition to those of the cluster, or without a cluster', async () => {
    for (const key of ['lab/wrist/u1', 'lab/local/u2', 'lab/local/u3', 'lab/gone/u4']) await leave(key);
    exists('lab', 'wrist', 'u1');
    await writeFile(join(folder, 'keep.txt'), '# runs of the workstation\nlab/local\n');
    expect((await inCluster('--keep-file', 'keep.txt', '--yes')).code).toBe(0);
    expect(await left()).toEqual(['lab/local/u2', 'lab/local/u3', 'lab/wrist/u1']);
    await writeFile(join(folder, 'keep.json'), JSON.stringify({ items: [{ metadata: { namespace: 'lab', name: 'local', uid: 'u3' } }] }));
    expect((await call('--no-cluster', '--keep-file', 'keep.json', '--yes')).code).toBe(0);
    expect(await left()).toEqual(['lab/local/u3']);
  });

  it.each([
    ['no file', []],
    ['a file that does not exist', ['--keep-file', 'nowhere.txt']],
    ['a line that names no experiment', ['--keep-file', 'odd.txt']],
    ['an incomplete list', ['--keep-file', 'cut.json']],
  ])('removes nothing without a cluster and with %s', async (_what, words) => {
    await leave('lab/gone/u2');
    await writeFile(join(folder, 'odd.txt'), 'lab/wrist\nwrist\n');
    await writeFile(join(folder, 'cut.json'), '{"items":[{"metadata":');
    const { code, stdout, stderr } = await call('--no-cluster', '--yes', '--even-if-none-is-left', ...words);
    expect([code, stdout, stderr]).toEqual([64, '', expect.stringContaining('usage-invalid')]);
    expect(await left()).toEqual(['lab/gone/u2']);
  });
});
