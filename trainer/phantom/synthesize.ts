import { access, mkdir, readdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { partialOf, writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { withWriteErrors } from '@carpal/configs/file-errors.ts';
import { receiveError } from '../data/thread-error.ts';
import type { FromHandWorker, HandWorkerData } from './hand-worker.ts';
import { drawPerson, metaDataCsv } from './person.ts';
import {
  BEGUN_FILE,
  describeSet,
  type HandFiles,
  handFiles,
  type PhantomParameters,
  peopleOf,
  readSetState,
  SET_FILE,
} from './phantom-set.ts';

export type SynthesizeOptions = PhantomParameters & {
  readonly folder: string;
  /** Threads; by default one per core, and at most one per image. */
  readonly workers?: number;
  readonly onProgress?: (done: number, total: number) => void;
  /** When it aborts, hands in progress are finished and `stopped-with-checkpoint` is thrown. The same call continues from there. */
  readonly signal?: AbortSignal;
};

/** The numbers of images that were made and that already existed. */
export type Synthesized = { readonly made: number; readonly kept: number };

/**
 * Writes a phantom data set in the layout of the hand-bone data set: train/DCM, train/outputs_json, test/DCM, truth/outputs_json (the
 * annotations of the test half), meta_data.csv and, last, phantom.json. The same parameters always give the same files. An interrupted set
 * is continued, a complete one is not changed. Throws `phantom-folder-taken` if the folder contains anything else, and `disk-full` or
 * `folder-unwritable`.
 */
export async function synthesizeDataset(options: SynthesizeOptions): Promise<Synthesized> {
  const { folder, seed } = options;
  const files = handFiles(options);
  const state = await readSetState(folder, options);
  if (state === 'complete') return { made: 0, kept: files.length };
  if (state === 'empty') await writeFileAtomically(join(folder, BEGUN_FILE), describeSet(options));
  else await removePartialFiles(folder);
  const missing: HandFiles[] = [];
  for (const hand of files) if (!(await exists(join(folder, hand.image)))) missing.push(hand);
  await makeFolders(folder, missing);
  await makeHands(missing, files.length, options);
  const people = peopleOf(options).map(({ number, half }) => drawPerson(seed, number, half));
  await writeFileAtomically(join(folder, 'meta_data.csv'), metaDataCsv(people));
  await writeFileAtomically(join(folder, SET_FILE), describeSet(options));
  await rm(join(folder, BEGUN_FILE), { force: true });
  return { made: missing.length, kept: files.length - missing.length };
}

/**
 * Distributes the missing hands over worker threads, one at a time per thread. After a failure the other threads finish their hand, then
 * the error is thrown.
 */
async function makeHands(missing: readonly HandFiles[], total: number, options: SynthesizeOptions): Promise<void> {
  const { folder, seed, size, onProgress, signal } = options;
  const threads = Math.min(options.workers ?? availableParallelism(), missing.length);
  const queue = [...missing];
  let done = total - missing.length;
  let failure: Error | undefined;
  onProgress?.(done, total);
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL('./hand-worker.ts', import.meta.url), {
      workerData: { folder, seed, size } satisfies HandWorkerData,
    });
    try {
      for (let hand = queue.shift(); hand && !failure && !signal?.aborted; hand = queue.shift()) {
        await requestHand(worker, hand);
        done += 1;
        onProgress?.(done, total);
      }
    } catch (error) {
      failure ??= error instanceof Error ? error : new Error(String(error));
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: threads }, work));
  if (failure) throw failure;
  if (done < total) throw new CarpalError('stopped-with-checkpoint', `stopped with ${done} of ${total} images made`, { where: folder });
}

/**
 * Sends one hand to a worker and waits for its answer. Afterwards it removes only its own listeners, because the worker needs its internal
 * ones.
 */
function requestHand(worker: Worker, hand: HandFiles): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error: Error | undefined): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      if (error) reject(error);
      else resolve();
    };
    const onMessage = ({ error }: FromHandWorker): void => finish(error && receiveError(error));
    const onError = (error: unknown): void => finish(error instanceof Error ? error : new Error(String(error)));
    const onExit = (code: number): void => finish(new Error(`The worker thread that draws hands exited with code ${code}.`));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(hand);
  });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Creates the folders before the threads start, so that no two of them create the same one concurrently. */
async function makeFolders(folder: string, hands: readonly HandFiles[]): Promise<void> {
  const paths = new Set(hands.flatMap(({ image, annotation }) => [dirname(join(folder, image)), dirname(join(folder, annotation))]));
  for (const path of paths) await withWriteErrors(path, () => mkdir(path, { recursive: true }));
}

/** Removes the partial files of a killed run. */
async function removePartialFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) {
    if (partialOf(name) !== undefined) await rm(join(folder, name), { force: true });
  }
}
