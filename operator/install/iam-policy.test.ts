import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planPrune, removePart } from '@carpal/artifacts/prune.ts';
import { openS3Store } from '@carpal/artifacts/s3-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { type IamProxy, startIamProxy } from '@carpal/testbed/artifacts/iam-proxy.ts';
import { type S3Server, startS3Server } from '@carpal/testbed/artifacts/s3-server.ts';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type IamPolicy, iamPolicy } from './iam-policy.ts';

const BUCKET = 'bucket';
const HASH = '0123456789abcdef01234567';
const artifactsUri = `s3://${BUCKET}/carpal`;
const STAGES = { role: 'stages', artifactsUri, namespace: 'radiology', readable: ['s3://hand-bones'] } as const;

describe('docs/operations/security.md', () => {
  const text = readFileSync(new URL('../../docs/operations/security.md', import.meta.url), 'utf8');
  const documented = [...text.matchAll(/```json\n(.*?)```/gs)].map(([, json = '']) => JSON.parse(json) as unknown);

  it('shows the policies that `carpal manifests --iam-policy` prints', () => {
    expect(documented).toEqual([
      iamPolicy(STAGES),
      iamPolicy({ role: 'operator', artifactsUri }),
      iamPolicy({ role: 'prune', artifactsUri }),
    ]);
  });
});

describe('iamPolicy', () => {
  it('names the folders of one namespace only', () => {
    const text = JSON.stringify(iamPolicy({ ...STAGES, readable: [] }));
    for (const place of [...text.matchAll(/"((?:arn:aws:s3:::bucket\/)?carpal\/[^"]*)"/g)].map(([, found = '']) => found))
      expect(place).toMatch(/^(arn:aws:s3:::bucket\/)?carpal\/(experiments|datasets\/prepared)\/radiology(\/\*)?$/);
    expect(text).not.toContain('surgery');
  });

  it.each(['/artifacts', 'file:///artifacts', 's3://', 'https://bucket/x'])('refuses the store %s', (uri) => {
    expect(() => iamPolicy({ role: 'operator', artifactsUri: uri })).toThrow('IAM policies exist for S3 only');
  });
});

describe('an S3 store with the rights of', () => {
  let server: S3Server;
  let folder = '';
  let proxy: IamProxy | undefined;
  beforeAll(async () => {
    server = await startS3Server();
    for (const bucket of [BUCKET, 'hand-bones']) await server.makeBucket(bucket);
    for (const [name, value] of Object.entries(server.environment)) vi.stubEnv(name, value);
    folder = await mkdtemp(join(tmpdir(), 'carpal-iam-'));
    const administrator = openS3Store(artifactsUri, { retryForMs: 0 });
    for (const namespace of ['radiology', 'surgery'])
      for (const key of [`experiments/${namespace}/wrist/1/experiment.json`, `datasets/prepared/${namespace}/${HASH}/index.json`])
        await administrator.write(key, '{}');
    await openS3Store('s3://hand-bones', { retryForMs: 0 }).write('train/one.png', 'png');
  });
  afterEach(async () => {
    await proxy?.close();
    proxy = undefined;
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** A store whose requests pass through the proxy. */
  async function storeWith(policy: IamPolicy, uri = artifactsUri): Promise<ArtifactStore> {
    proxy ??= await startIamProxy(server.port, policy);
    vi.stubEnv('AWS_ENDPOINT_URL_S3', `http://127.0.0.1:${proxy.port}`);
    try {
      return openS3Store(uri, { retryForMs: 0, checkoutFolder: join(folder, 'checkout'), multipartBytes: 5 * 2 ** 20 });
    } finally {
      vi.stubEnv('AWS_ENDPOINT_URL_S3', server.endpoint);
    }
  }

  it('stages: everything in their own namespace, the data set, and nothing else', async () => {
    const store = await storeWith(iamPolicy(STAGES));
    const key = 'experiments/radiology/wrist/1/folds/0';
    await store.write(`${key}/state.json`, '{}');
    // Larger than one part.
    await store.write(`${key}/last.safetensors`, Buffer.alloc(6 * 2 ** 20));
    expect((await store.list(key)).length).toBe(2);
    expect(await store.readIfPresent(`${key}/missing.json`)).toBeUndefined();
    await store.write(`datasets/prepared/radiology/${HASH}/images/0`, '0');
    await store.checkout(`datasets/prepared/radiology/${HASH}`);
    await store.remove(key);
    const data = await storeWith(iamPolicy(STAGES), 's3://hand-bones');
    await data.checkout('');
    expect(proxy?.denied).toEqual([]);
    for (const request of [
      () => store.list('experiments'),
      () => store.list('experiments/surgery'),
      () => store.list('experiments/radiology-2'),
      () => store.read('experiments/surgery/wrist/1/experiment.json'),
      () => store.write('experiments/surgery/wrist/1/experiment.json', '{}'),
      () => store.remove('experiments/surgery/wrist/1'),
      () => store.checkout(`datasets/prepared/surgery/${HASH}`),
      () => store.write(`datasets/prepared/surgery/${HASH}/index.json`, '{}'),
      () => store.write('other', '{}'),
      () => data.write('train/one.png', 'other'),
    ])
      await expect(request()).rejects.toMatchObject({ code: 'store-denied' });
  });

  it('the operator: experiments of every namespace, and no prepared data set', async () => {
    const store = await storeWith(iamPolicy({ role: 'operator', artifactsUri }));
    for (const namespace of ['radiology', 'surgery']) {
      await store.write(`experiments/${namespace}/gone/1/experiment.json`, '{}');
      await store.read(`experiments/${namespace}/wrist/1/experiment.json`);
      await store.remove(`experiments/${namespace}/gone/1`);
    }
    expect(proxy?.denied).toEqual([]);
    await expect(store.list('datasets/prepared')).rejects.toMatchObject({ code: 'store-denied' });
  });

  it('the CronJob that prunes: it removes experiments and prepared sets, and writes nothing', async () => {
    const store = await storeWith(iamPolicy({ role: 'prune', artifactsUri }));
    const pruning = { live: [], namespace: undefined, minimumAgeMs: 0, nowMs: Date.now() + 60_000 };
    const { removals } = await planPrune(store, pruning);
    expect(removals.length).toBeGreaterThan(2);
    for (const removal of removals) await removePart(store, removal, pruning);
    expect(proxy?.denied).toEqual([]);
    expect((await planPrune(store, pruning)).removals).toEqual([]);
    await expect(store.write('experiments/radiology/x', '{}')).rejects.toMatchObject({ code: 'store-denied' });
  });

  it('the CronJob that prunes one namespace: nothing of another', async () => {
    const store = await storeWith(iamPolicy({ role: 'prune', artifactsUri, namespace: 'radiology' }));
    await planPrune(store, { live: [], namespace: 'radiology', minimumAgeMs: 0, nowMs: Date.now() });
    expect(proxy?.denied).toEqual([]);
    await expect(store.list('experiments/surgery')).rejects.toMatchObject({ code: 'store-denied' });
  });
});
