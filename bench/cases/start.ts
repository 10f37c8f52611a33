import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { FILE } from '@carpal/configs/names.ts';
import { stageProgressSchema } from '@carpal/configs/schema/progress.ts';
import type { ComparedCase } from '../harness/case.ts';
import type { Figure } from '../harness/figure.ts';
import { exactly, measure } from '../harness/measure.ts';
import { CARPAL, complete } from '../harness/processes.ts';
import { type PreparedFold, prepareFold } from './prepared-fold.ts';

const ROOT = join(import.meta.dirname, '../..');
const SIZE = 256;
const POLL_MS = 10;

const fromStartToEnd = (repetitions: number, command: readonly string[]): Promise<Figure> =>
  measure(1, repetitions, () => complete(command));

/** A command of carpal. Every program of the original imports torch before it reads its arguments. */
const commandStart = (name: string, args: readonly string[], withinMs: number): ComparedCase => ({
  name,
  item: 'process',
  what: `carpal ${args[0]}, from its start to its end`,
  against: 'a Python process that only imports torch',
  goal: 1,
  withinMs,
  run: async ({ baselines }) => {
    const baseline = await fromStartToEnd(5, [baselines.pytorch.python(), '-c', 'import torch']);
    return { ours: await fromStartToEnd(15, [...CARPAL, ...args]), baseline };
  },
});

/** The trainer, from its start until it reports a finished step. */
const firstStep: ComparedCase = {
  name: 'start-fold',
  item: 'process',
  what: `carpal fold, from its start to its first finished step of UNet at ${SIZE} px`,
  against: 'a PyTorch process that makes one step on random numbers',
  goal: 0.9,
  withinMs: 10_000,
  run: async ({ scratch, phantoms, classes, baselines }) => {
    const fold = await prepareFold({ scratch, phantoms }, 'start', {
      dataset: { split: { folds: 2 } },
      model: { name: 'UNet' },
      input: { size: SIZE },
      training: { epochs: 1, batchSize: 1 },
    });
    const ours = await measure(1, 3, () => untilFirstStep(fold));
    const step = { network: 'UNet', size: SIZE, count: 1, classes: classes.length, precision: 'float32', layout: 'contiguous' };
    const request = { ...step, warmup: 0, effort: exactly(1), threads: availableParallelism() };
    return { ours, baseline: await measure(1, 3, () => baselines.pytorch.step(request)) };
  },
};

/** Trains until the first step is done, then ends the process. */
async function untilFirstStep({ store, key, command }: PreparedFold): Promise<void> {
  await store.remove(key);
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: 'ignore' });
  const closed = once(child, 'close');
  while (!(await hasStepped(store, `${key}/${FILE.progress}`))) {
    const end = child.exitCode ?? child.signalCode;
    if (end !== null) throw new Error(`carpal fold ended with ${end} before its first step`);
    await pause(POLL_MS);
  }
  child.kill('SIGKILL');
  await closed;
}

async function hasStepped(store: ArtifactStore, key: string): Promise<boolean> {
  const bytes = await store.readIfPresent(key);
  return bytes !== undefined && (stageProgressSchema.parse(JSON.parse(bytes.toString('utf8'))).step ?? 0) > 0;
}

export const STARTS: readonly ComparedCase[] = [
  commandStart('start-help', ['--help'], 300),
  commandStart('start-validate', ['validate', join(ROOT, 'configs/experiments/quickstart.yaml')], 500),
  firstStep,
];
