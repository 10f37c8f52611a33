/** The peers run in a Python environment of their own, made once from pinned requirements and kept in the cache. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { Figure } from './figure.ts';

/** Runs a command of peers/original.py and returns what it measured. */
export type Peer = (command: string, request: Readonly<Record<string, unknown>>) => Promise<Figure>;

const SOURCE = join(import.meta.dirname, 'peers');

/** Whether this machine has a Python that can make an environment. */
export function hasPython(): boolean {
  return spawnSync('python3', ['-c', 'import venv, ensurepip']).status === 0;
}

function pythonOrExplain(executable: string, args: readonly string[]): void {
  const done = spawnSync(executable, args, { encoding: 'utf8' });
  if (done.status === 0) return;
  throw new CarpalError(
    'resource-missing',
    `the peer's Python environment could not be made: ${(done.stderr || done.stdout).trim().split('\n').at(-1) ?? ''}`,
  );
}

/** The environment's interpreter, installed into `cache` where it is not there yet. */
function environment(cache: string): string {
  const requirements = join(SOURCE, 'requirements.txt');
  const key = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const home = join(cache, `bench-python-${key}`);
  const python = join(home, 'bin/python');
  if (existsSync(join(home, 'complete'))) return python;
  rmSync(home, { recursive: true, force: true });
  process.stderr.write('  making the Python environment of the peers\n');
  pythonOrExplain('python3', ['-m', 'venv', home]);
  pythonOrExplain(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  // A mark at the end: an environment that was interrupted is made again.
  writeFileSync(join(home, 'complete'), '');
  return python;
}

/** The peer, ready to be measured. */
export function openPeer(cache: string): Peer {
  const python = environment(cache);
  return (command, request) =>
    new Promise((resolve, reject) => {
      const child = spawn(python, [join(SOURCE, 'original.py'), command, JSON.stringify(request)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      child.on('error', reject);
      child.on('close', (status) => {
        if (status === 0) resolve(JSON.parse(output) as Figure);
        else reject(new CarpalError('resource-missing', `the peer's ${command} ended with status ${status}`));
      });
    });
}
