import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, it, vi } from 'vitest';

const PROGRAM = `
  const { startS3Server } = await import(process.argv[1]);
  const { endpoint, folder } = await startS3Server();
  console.log(JSON.stringify({ endpoint, folder }));
  setInterval(() => undefined, 1000);
`;

const answers = async (endpoint: string): Promise<boolean> =>
  fetch(`${endpoint}/health`).then(
    ({ ok }) => ok,
    () => false,
  );

it('ends when the process that started it is killed', async () => {
  const args = ['--input-type=module', '-e', PROGRAM, new URL('./s3-server.ts', import.meta.url).href];
  const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const { endpoint, folder } = JSON.parse(line.toString()) as { endpoint: string; folder: string };
  expect(await answers(endpoint)).toBe(true);
  parent.kill('SIGKILL');
  await vi.waitFor(async () => expect(await answers(endpoint)).toBe(false), { timeout: 10_000 });
  await rm(dirname(folder), { recursive: true, force: true });
});
