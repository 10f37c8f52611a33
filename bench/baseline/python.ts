/** The peers run in Python environments of their own, made once from pinned requirements and kept in the cache. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { Figure } from '../harness/figure.ts';

type Request = Readonly<Record<string, unknown>>;
/** Runs a command of peers/original.py and returns what it measured. */
export type Peer = (command: string, request: Request) => Promise<Figure>;
/** Runs peers/augment.py. */
export type Albumentations = (request: Request) => Promise<Figure>;
/** The first use of any of these installs PyTorch, which is some gigabytes. */
export type PyTorch = {
  /** Runs peers/pytorch_step.py. */
  readonly step: (request: Request) => Promise<Figure>;
  /** Runs peers/pytorch_epoch.py. */
  readonly epoch: (request: Request) => Promise<Figure>;
  /** Runs peers/pytorch_infer.py. */
  readonly infer: (request: Request) => Promise<Figure>;
  /** The interpreter that has torch. */
  readonly python: () => string;
};

const SOURCE = join(import.meta.dirname, '../pytorch');

/** Whether this machine has a Python that can make an environment. */
export function hasPython(): boolean {
  return spawnSync('python3', ['-c', 'import venv, ensurepip']).status === 0;
}

function pythonOrExplain(executable: string, args: readonly string[]): void {
  const done = spawnSync(executable, args, { encoding: 'utf8' });
  if (done.status === 0) return;
  const said = (done.stderr || done.stdout).trim().split('\n').at(-1) ?? '';
  throw new CarpalError('resource-missing', `the peer's Python environment could not be made: ${said}`);
}

/** The interpreter of the environment that a requirements file describes, installed into `cache` where it is not there yet. */
function environment(cache: string, requirements: string): string {
  const file = join(SOURCE, requirements);
  const key = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12);
  const home = join(cache, `bench-python-${key}`);
  const python = join(home, 'bin/python');
  const complete = join(home, 'complete');
  if (existsSync(complete)) return python;
  rmSync(home, { recursive: true, force: true });
  process.stderr.write(`  making the Python environment of ${requirements}\n`);
  pythonOrExplain('python3', ['-m', 'venv', home]);
  pythonOrExplain(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', file]);
  // A mark at the end: an environment that was interrupted is made again.
  writeFileSync(complete, '');
  return python;
}

function runScript(python: string, script: string, args: readonly string[]): Promise<Figure> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, [join(SOURCE, script), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve(JSON.parse(output) as Figure);
      else reject(new CarpalError('resource-missing', `the peer's ${script} ended with status ${status}`));
    });
  });
}

/** The numpy, OpenCV and pycocotools peers. */
export function openPeer(cache: string): Peer {
  const python = environment(cache, 'requirements.txt');
  return (command, request) => runScript(python, 'original.py', [command, JSON.stringify(request)]);
}

export function openAlbumentations(cache: string): Albumentations {
  return (request) => runScript(environment(cache, 'requirements.txt'), 'augment.py', [JSON.stringify(request)]);
}

/** The PyTorch peers; their environment is made when it is first asked for. */
export function openPyTorch(cache: string): PyTorch {
  const python = (): string => environment(cache, 'requirements-pytorch.txt');
  // One environment with both would be another some gigabytes; both are made by the same Python and pin the same numpy.
  const withOpenCv = (script: string) => (request: Request) => {
    const opencv = packagesOf(environment(cache, 'requirements.txt'));
    return runScript(python(), script, [JSON.stringify({ ...request, opencv })]);
  };
  return {
    python,
    step: (request) => runScript(python(), 'pytorch_step.py', [JSON.stringify(request)]),
    epoch: withOpenCv('pytorch_epoch.py'),
    infer: withOpenCv('pytorch_infer.py'),
  };
}

/** The folder that an environment's packages are in. */
function packagesOf(python: string): string {
  return execFileSync(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], { encoding: 'utf8' }).trim();
}
