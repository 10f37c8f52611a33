import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { FILE } from '@carpal/configs/names.ts';
import { stageProgressSchema } from '@carpal/configs/schema/progress.ts';
import type { Benchmark } from '../harness/case.ts';
import { CARPAL } from '../harness/carpal-words.ts';
import { complete } from '../harness/complete.ts';
import { exactly } from '../harness/effort.ts';
import { type Figure, measure } from '../harness/figure.ts';
import { type PreparedFold, prepareFold } from './prepared-fold.ts';

const ROOT = join(import.meta.dirname, '../..');
const SIZE = 256;
const POLL_MS = 10;

const fromStartToEnd = (repetitions: number, words: readonly string[]): Promise<Figure> => measure(1, repetitions, () => complete(words));

/** A command line against one that imports torch, as everything of the original's does before it reads its arguments. */
const commandStart = (name: string, args: readonly string[], withinMs: number): Benchmark => ({
  name,
  item: 'process',
  what: `carpal ${args[0]}, from start to end; the peer only imports torch`,
  goal: 1,
  withinMs,
  run: async ({ pytorch }) => {
    const peer = await fromStartToEnd(5, [pytorch.python(), '-c', 'import torch']);
    return { ours: await fromStartToEnd(15, [...CARPAL, ...args]), peer };
  },
});

/** The trainer itself, from its start until its progress tells of a finished step. */
const firstStep: Benchmark = {
  name: 'start-fold',
  item: 'process',
  what: `carpal fold from its start to its first finished step of UNet at ${SIZE} px; the peer is PyTorch with one step of random numbers`,
  goal: 0.9,
  withinMs: 10_000,
  run: async ({ scratch, phantoms, classes, pytorch }) => {
    const fold = await prepareFold({ scratch, phantoms }, 'start', {
      dataset: { split: { folds: 2 } },
      model: { name: 'UNet' },
      input: { size: SIZE },
      training: { epochs: 1, batchSize: 1 },
    });
    const ours = await measure(1, 3, () => untilFirstStep(fold));
    const step = { network: 'UNet', size: SIZE, count: 1, classes: classes.length, precision: 'float32', layout: 'contiguous' };
    const request = { ...step, warmup: 0, effort: exactly(1), threads: availableParallelism() };
    return { ours, peer: await measure(1, 3, () => pytorch.step(request)) };
  },
};

/** Trains until a first step is done, and ends the process then. */
async function untilFirstStep({ store, key, words }: PreparedFold): Promise<void> {
  await store.remove(key);
  const [program = '', ...args] = words;
  const child = spawn(program, args, { stdio: 'ignore' });
  const closed = once(child, 'close');
  while (!(await hasStepped(store, `${key}/${FILE.progress}`))) {
    const how = child.exitCode ?? child.signalCode;
    if (how !== null) throw new Error(`carpal fold ended with ${how} before its first step`);
    await pause(POLL_MS);
  }
  child.kill('SIGKILL');
  await closed;
}

async function hasStepped(store: ArtifactStore, key: string): Promise<boolean> {
  const bytes = await store.readIfPresent(key);
  return bytes !== undefined && (stageProgressSchema.parse(JSON.parse(bytes.toString('utf8'))).step ?? 0) > 0;
}

export const STARTS: readonly Benchmark[] = [
  commandStart('start-help', ['--help'], 300),
  commandStart('start-validate', ['validate', join(ROOT, 'configs/experiments/quickstart.yaml')], 500),
  firstStep,
];
