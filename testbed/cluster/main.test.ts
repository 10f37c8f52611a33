import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXPERIMENTS } from '@carpal/configs/names.ts';
import { type Connection, connect } from '@carpal/kubernetes/api/connect.ts';
import type { Job } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { kubectl } from './kubectl.ts';
import { waitFor } from './wait-for.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

let folder = '';
let cluster: ChildProcess;
let client: Connection;
let kubeconfig = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-make-cluster-'));
  // A path with a space, as people have them.
  const place = join(folder, 'a folder');
  await symlink(folder, place);
  cluster = spawn(process.execPath, [MAIN, '--no-operator'], { cwd: place, stdio: ['ignore', 'pipe', 'inherit'] });
  // Reads to the end, because a closed pipe would end the cluster.
  const text = await new Promise<string>((resolve) => {
    let printed = '';
    cluster.stdout?.on('data', (chunk: Buffer) => {
      printed += chunk.toString('utf8');
      if (printed.includes('Ctrl-C')) resolve(printed);
    });
    cluster.once('exit', () => resolve(printed));
  });
  kubeconfig = /export KUBECONFIG=(.+)/.exec(text)?.[1] ?? '';
  client = await connect({ kubeconfig });
});
afterAll(async () => {
  client?.close();
  cluster?.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

it('make cluster runs Jobs as processes, serves the CRD, shows logs and ends with Ctrl-C', async () => {
  await client.request({ method: 'GET', path: resourcePath(EXPERIMENTS) });
  const containers = [{ name: 'main', image: 'none', command: ['sh', '-c', 'echo one; echo two; echo three; pwd'] }];
  const template = { spec: { restartPolicy: 'Never', containers } };
  const place = { namespace: 'default', name: 'printed' };
  await client.request({
    method: 'POST',
    path: resourcePath(JOBS, { namespace: 'default' }),
    body: { metadata: place, spec: { template } },
  });
  await waitFor<Job>(client, resourcePath(JOBS, place), ({ status }) => status?.succeeded === 1);
  const { output } = await kubectl(kubeconfig, ['logs', 'job/printed', '--tail=3']);
  expect(output.split('\n').slice(0, 2)).toEqual(['two', 'three']);
  expect((await kubectl(kubeconfig, ['logs', 'job/printed', '--follow'])).output).toMatch(/^one\ntwo\nthree\n\/.+\n$/);
  cluster.kill('SIGINT');
  const [code] = await once(cluster, 'exit');
  expect(code).toBe(0);
});

it('make cluster starts Kueue with its queues, and passes flags on to the operator', async () => {
  const other = spawn(process.execPath, [MAIN, '--kueue', '--', '--no-such-flag'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = { output: '', errors: '' };
  other.stdout.on('data', (chunk: Buffer) => {
    printed.output += chunk.toString('utf8');
  });
  other.stderr.on('data', (chunk: Buffer) => {
    printed.errors += chunk.toString('utf8');
  });
  const [code] = await once(other, 'close');
  expect(code).toBe(69);
  expect(printed.output).toContain('the queues gpu (1 GPU(s)) and cpu');
  expect(printed.errors).toContain("unknown option '--no-such-flag'");
});
