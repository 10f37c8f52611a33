import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type S3Server, startS3Server } from '@carpal/testbed/artifacts/s3-server.ts';
import { describeStore } from '@carpal/testbed/artifacts/store-cases.ts';
import { afterAll, beforeAll, vi } from 'vitest';
import { openS3Store } from './s3-store.ts';

let server: S3Server;
let folder = '';
let stores = 0;
beforeAll(async () => {
  server = await startS3Server();
  await server.makeBucket('hands');
  folder = await mkdtemp(join(tmpdir(), 'carpal-s3-store-'));
  for (const [name, value] of Object.entries(server.environment)) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const open = (uri: string) => openS3Store(uri, { checkoutFolder: join(folder, 'checkout'), multipartBytes: 6 * 2 ** 20 });

describeStore('a prefix of a bucket', async () => open(`s3://hands/team/${++stores}`));

describeStore('a whole bucket', async () => {
  const bucket = `bucket-${++stores}`;
  await server.makeBucket(bucket);
  return open(`s3://${bucket}`);
});
