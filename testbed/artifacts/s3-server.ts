/** A real S3 server on a folder of this machine, for tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const TEST_ACCESS_KEY = 'AKIATESTTESTTEST1234';
export const TEST_SECRET = 'ONLYforTESTS/whichRUNonTHISmachine+000001';

export type S3Server = {
  readonly endpoint: string;
  readonly port: number;
  /** Holds the buckets; gone after `stop`. */
  readonly folder: string;
  /** The variables with which the SDK and carpal find and trust the server. */
  readonly environment: Readonly<Record<string, string>>;
  /** Makes a bucket; the server serves folders as they come. */
  makeBucket(name: string): Promise<void>;
  stop(): Promise<void>;
};

/** Where `make cluster-tools` links it. */
const PROGRAM = resolve(import.meta.dirname, '../../node_modules/.carpal-tools/versitygw');

/** The shell ends the server when its own standard input ends, which is when this process dies, however it dies. */
const UNTIL_PARENT_DIES = '"$@" >/dev/null 2>&1 & pid=$!; cat >/dev/null; kill $pid; wait $pid';

/** Starts versitygw on a free port of the loopback interface. Throws with the command to run where it is not built. */
export async function startS3Server(): Promise<S3Server> {
  if (!existsSync(PROGRAM)) throw new Error('These tests need versitygw, a real S3 server. Run: make cluster-tools');
  const folder = await mkdtemp(join(tmpdir(), 'carpal-s3-'));
  // Another process may take the port between finding and using it.
  for (let tries = 0; tries < 5; tries += 1) {
    const port = await freePort();
    const child = spawnServer(port, folder);
    if (await answers(port)) {
      return {
        endpoint: `http://127.0.0.1:${port}`,
        port,
        folder,
        environment: s3EnvironmentFor(port),
        makeBucket: async (name) => void (await mkdir(join(folder, name), { recursive: true })),
        async stop() {
          await end(child);
          await rm(folder, { recursive: true, force: true });
        },
      };
    }
    await end(child);
  }
  throw new Error('versitygw does not answer');
}

/** The variables for the server at a port, which may be that of something in front of it. */
export function s3EnvironmentFor(port: number): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: TEST_ACCESS_KEY,
    AWS_SECRET_ACCESS_KEY: TEST_SECRET,
    AWS_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

function spawnServer(port: number, folder: string): ChildProcess {
  const keys = ['--access', TEST_ACCESS_KEY, '--secret', TEST_SECRET];
  const words = [PROGRAM, '--port', `127.0.0.1:${port}`, ...keys, '--quiet', '--keep-alive', '--health', '/health', 'posix', folder];
  return spawn('sh', ['-c', UNTIL_PARENT_DIES, 'sh', ...words], { stdio: ['pipe', 'ignore', 'ignore'] });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => void server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function answers(port: number): Promise<boolean> {
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    if (answer?.ok) return true;
    await sleep(50);
  }
  return false;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = new Promise((done) => void child.once('exit', done));
  child.stdin?.end();
  await gone;
}
