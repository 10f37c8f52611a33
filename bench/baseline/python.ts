/** Baselines written in Python. They run in virtual environments that are made once from pinned requirements and kept in the cache. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { Figure } from '../harness/figure.ts';

type Request = Readonly<Record<string, unknown>>;
/** A figure, and the checks that some scripts add to it. */
export type ScriptResult = Figure & {
  /** coco-*: the masks of the first image as compressed COCO text, in class order. */
  readonly firstMasks?: readonly string[];
  /** pytorch_step.py: the shortcuts that the network takes. */
  readonly shortcuts?: readonly string[];
};
type Script = (request: Request) => Promise<ScriptResult>;

export type Baselines = {
  /** Runs a command of original.py: numpy, OpenCV and pycocotools. */
  readonly original: (command: string, request: Request) => Promise<ScriptResult>;
  /** Runs augment.py. */
  readonly albumentations: Script;
  readonly pytorch: PyTorch;
};

/** The first use of any of these installs PyTorch, a download of some gigabytes. */
export type PyTorch = {
  readonly step: Script;
  /** Trains a fold and writes a submission. */
  readonly train: Script;
  readonly epoch: Script;
  readonly infer: Script;
  /** The interpreter that has torch. */
  readonly python: () => string;
};

const PYTORCH = join(import.meta.dirname, '../pytorch');
const REQUIREMENTS = { original: join(import.meta.dirname, 'requirements.txt'), pytorch: join(PYTORCH, 'requirements.txt') } as const;

/** Whether this machine has a Python that can make virtual environments. */
export function hasPython(): boolean {
  return spawnSync('python3', ['-c', 'import venv, ensurepip']).status === 0;
}

function pythonOrExplain(executable: string, args: readonly string[]): void {
  const done = spawnSync(executable, args, { encoding: 'utf8' });
  if (done.status === 0) return;
  const reason = (done.stderr || done.stdout).trim().split('\n').at(-1) ?? '';
  throw new CarpalError('resource-missing', `the Python environment of the baseline could not be made: ${reason}`);
}

/** The interpreter of the environment that a requirements file describes. Makes the environment in `cache` if it does not exist. */
export function pythonEnvironment(cache: string, requirements: string): string {
  const key = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const home = join(cache, `bench-python-${key}`);
  const python = join(home, 'bin/python');
  const complete = join(home, 'complete');
  if (existsSync(complete)) return python;
  rmSync(home, { recursive: true, force: true });
  process.stderr.write(`  making the Python environment of ${requirements}\n`);
  pythonOrExplain('python3', ['-m', 'venv', home]);
  pythonOrExplain(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  // Written last, so that an interrupted installation is made again.
  writeFileSync(complete, '');
  return python;
}

function runScript(python: string, script: string, args: readonly string[]): Promise<ScriptResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve(JSON.parse(output) as ScriptResult);
      else reject(new CarpalError('resource-missing', `the baseline ${script} ended with status ${status}`));
    });
  });
}

/** The baselines with their environments in `cache`. PyTorch's environment is made when it is first used. */
export function openBaselines(cache: string): Baselines {
  const original = pythonEnvironment(cache, REQUIREMENTS.original);
  const python = (): string => pythonEnvironment(cache, REQUIREMENTS.pytorch);
  const here = (script: string): string => join(import.meta.dirname, script);
  const torch =
    (script: string): Script =>
    (request) =>
      runScript(python(), join(PYTORCH, script), [JSON.stringify(request)]);
  // These scripts also need original.py and OpenCV. One environment with both would cost some more gigabytes; both are made by the same
  // Python and pin the same numpy.
  const torchWithOriginal =
    (script: string): Script =>
    (request) =>
      torch(script)({ ...request, paths: [packagesOf(original), import.meta.dirname] });
  return {
    original: (command, request) => runScript(original, here('original.py'), [command, JSON.stringify(request)]),
    albumentations: (request) => runScript(original, here('augment.py'), [JSON.stringify(request)]),
    pytorch: {
      python,
      step: torch('pytorch_step.py'),
      train: torchWithOriginal('pytorch_train.py'),
      epoch: torchWithOriginal('pytorch_epoch.py'),
      infer: torchWithOriginal('pytorch_infer.py'),
    },
  };
}

/** The folder of an environment's packages. */
function packagesOf(python: string): string {
  return execFileSync(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], { encoding: 'utf8' }).trim();
}
