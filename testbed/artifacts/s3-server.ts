/** A real S3 server (versitygw) on a folder of this machine. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CarpalError } from '@carpal/configs/errors.ts';
import { type Child, clusterTool, startChild } from '../cluster/child-process.ts';
import { freePort } from '../cluster/free-port.ts';

export const TEST_ACCESS_KEY = 'AKIATESTTESTTEST1234';
export const TEST_SECRET = 'ONLYforTESTS/whichRUNonTHISmachine+000001';

export type S3Server = {
  readonly endpoint: string;
  readonly port: number;
  /** The folder with the buckets. `stop` deletes it. */
  readonly folder: string;
  /** The variables with which the SDK and carpal find the server and its credentials. */
  readonly environment: Readonly<Record<string, string>>;
  /** Creates a bucket. */
  makeBucket(name: string): Promise<void>;
  /** Creates a user, who has access only to buckets of its own. Returns the variables with which a process works as that user. */
  addUser(name: string): Promise<Readonly<Record<string, string>>>;
  /** Gives the bucket to a user, from the next request on. Without a user: back to the server's own account, which always has access. */
  setOwner(bucket: string, user?: string): Promise<void>;
  stop(): Promise<void>;
};

const PORT_TRIES = 5;

/**
 * Starts the server on a free loopback port. It ends with this process. Throws `resource-missing` if it has not been built or does not
 * start.
 */
export async function startS3Server(): Promise<S3Server> {
  const program = clusterTool('versitygw');
  const root = await mkdtemp(join(tmpdir(), 'carpal-s3-'));
  const folder = join(root, 'buckets');
  const users = join(root, 'users');
  for (const one of [folder, users]) await mkdir(one);
  const logFile = join(root, 'server.log');
  // Another process can take a free port before the server does.
  for (let tries = 0; tries < PORT_TRIES; tries += 1) {
    const port = await freePort();
    const keys = ['--access', TEST_ACCESS_KEY, '--secret', TEST_SECRET];
    const args = [
      '--port',
      `127.0.0.1:${port}`,
      ...keys,
      '--quiet',
      '--keep-alive',
      '--health',
      '/health',
      '--iam-dir',
      users,
      'posix',
      folder,
    ];
    const child = await startChild({ program, args, logFile });
    if (await answers(port, child)) {
      return {
        endpoint: `http://127.0.0.1:${port}`,
        port,
        folder,
        environment: s3EnvironmentFor(port),
        makeBucket: async (name) => void (await mkdir(join(folder, name), { recursive: true })),
        addUser: async (name) => {
          await administer(program, port, ['create-user', '--access', name, '--secret', TEST_SECRET, '--role', 'user']);
          return { ...s3EnvironmentFor(port), AWS_ACCESS_KEY_ID: name };
        },
        setOwner: (bucket, user = TEST_ACCESS_KEY) =>
          administer(program, port, ['change-bucket-owner', '--bucket', bucket, '--owner', user]),
        stop: async () => {
          await end(child);
          await rm(root, { recursive: true, force: true });
        },
      };
    }
    await end(child);
  }
  throw new CarpalError('resource-missing', 'versitygw does not answer', { where: logFile });
}

/** The variables for the server at a port, which can be the port of a proxy. */
export function s3EnvironmentFor(port: number): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: TEST_ACCESS_KEY,
    AWS_SECRET_ACCESS_KEY: TEST_SECRET,
    AWS_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

/** Runs a command of the server's own administration. */
async function administer(program: string, port: number, command: readonly string[]): Promise<void> {
  const account = ['--access', TEST_ACCESS_KEY, '--secret', TEST_SECRET, '--endpoint-url', `http://127.0.0.1:${port}`];
  await promisify(execFile)(program, ['admin', ...account, ...command]);
}

async function answers(port: number, child: Child): Promise<boolean> {
  for (let tries = 0; tries < 200 && !child.hasEnded(); tries += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    if (answer?.ok) return true;
    await pause(50);
  }
  return false;
}

async function end(child: Child): Promise<void> {
  child.kill('SIGTERM');
  await child.ended;
}
