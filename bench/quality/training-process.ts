import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { ToldFigure, TrainingWork } from './training-work.ts';

const MAIN = join(import.meta.dirname, '../workers/training-main.ts');

/**
 * Does a training's work in a process of its own, so that its memory is its own, and hands on what it tells, one figure after the other.
 * Should this process die, the other one stops with a checkpoint. Rejects when it fails.
 */
export async function inOwnProcess(work: TrainingWork, onFigure: (told: ToldFigure) => Promise<void>): Promise<void> {
  const child = fork(MAIN, [JSON.stringify(work)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let handling: Promise<void> = Promise.resolve();
  child.on('message', (told) => {
    handling = handling.then(() => onFigure(told as ToldFigure));
    // It is awaited below; until then nobody else would hear of its failure.
    handling.catch(() => undefined);
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  await handling;
  if (status !== 0) throw new Error(`the training of ${work.experiment.metadata.name} ended with status ${status}`);
}
