import { Worker } from 'node:worker_threads';
import type { BatchBuffers, BatchRequest } from './batch-maker.ts';
import type { SentError } from './thread-error.ts';

/** Messages to the worker. `epochId` identifies the epoch, so that results for a closed epoch are dropped. */
export type ToWorker =
  | { readonly type: 'open'; readonly epochId: number; readonly request: BatchRequest }
  | { readonly type: 'more'; readonly epochId: number; readonly buffers: BatchBuffers | undefined };

/** Messages from the worker. `count` is the number of samples in the batch, from the start of the buffers. */
export type FromWorker =
  | {
      readonly type: 'batch';
      readonly epochId: number;
      readonly step: number;
      readonly size: number;
      readonly count: number;
      readonly buffers: BatchBuffers;
    }
  | { readonly type: 'end'; readonly epochId: number }
  | { readonly type: 'error'; readonly epochId: number; readonly error: SentError };

/**
 * Threads that finished an epoch and wait for the next one: starting a thread takes longer than a short epoch. They do not keep the process
 * alive.
 */
const idle: Worker[] = [];
const MOST_IDLE = 2;

/** One epoch's use of a worker thread. Results arrive in the order of the requests. */
export class BatchThread {
  static #lastEpochId = 0;
  readonly #worker: Worker;
  readonly #epochId: number;
  readonly #answers: FromWorker[] = [];
  #failure: Error | undefined;
  #waiting: { resolve: (message: FromWorker) => void; reject: (error: Error) => void } | undefined;

  private constructor(worker: Worker, epochId: number) {
    this.#worker = worker;
    this.#epochId = epochId;
    worker.on('message', this.#onMessage);
    worker.on('error', this.#onError);
    worker.on('exit', this.#onExit);
    worker.ref();
  }

  /** Starts an epoch on a new or an idle thread. */
  static acquire(request: BatchRequest): BatchThread {
    const worker = idle.pop() ?? new Worker(new URL('./batch-worker.ts', import.meta.url));
    worker.removeAllListeners();
    const thread = new BatchThread(worker, ++BatchThread.#lastEpochId);
    thread.#send({ type: 'open', epochId: thread.#epochId, request });
    return thread;
  }

  /** Requests one batch, made in `buffers` if given. Their arrays are empty from now on. */
  requestBatch(buffers: BatchBuffers | undefined): void {
    this.#send({ type: 'more', epochId: this.#epochId, buffers }, buffers ? [buffers.images.buffer, buffers.targets.buffer] : []);
  }

  /** The next message from the worker. Throws the error that ended the thread, if any. */
  async receive(): Promise<FromWorker> {
    const message = this.#answers.shift();
    if (message) return message;
    if (this.#failure) throw this.#failure;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /** Releases the thread. Batches that it still makes for this epoch are dropped. */
  release(): void {
    const worker = this.#worker;
    worker.off('message', this.#onMessage);
    worker.off('error', this.#onError);
    worker.off('exit', this.#onExit);
    this.#waiting?.reject(new Error('The batches were closed while a batch was pending.'));
    this.#waiting = undefined;
    if (this.#failure || idle.length >= MOST_IDLE) {
      worker.on('error', () => undefined);
      void worker.terminate();
      return;
    }
    worker.unref();
    const leave = (): void => {
      const index = idle.indexOf(worker);
      if (index >= 0) idle.splice(index, 1);
    };
    worker.on('error', leave);
    worker.on('exit', leave);
    idle.push(worker);
  }

  #send(message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  readonly #onMessage = (message: FromWorker): void => {
    if (message.epochId !== this.#epochId) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting.resolve(message);
    else this.#answers.push(message);
  };

  readonly #onError = (error: unknown): void => {
    this.#failure = error instanceof Error ? error : new Error(String(error));
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  };

  readonly #onExit = (code: number): void => {
    this.#onError(this.#failure ?? new Error(`The batch thread exited with code ${code}.`));
  };
}
