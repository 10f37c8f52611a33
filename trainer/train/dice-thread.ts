import { Worker } from 'node:worker_threads';
import type { PreparedSample } from '@carpal/report/dataset/prepared-set.ts';
import { receiveError, type SentError } from '../data/thread-error.ts';
import type { DiceSettings } from './image-dice.ts';

export type ToDiceWorker = { readonly sample: PreparedSample; readonly logits: Float32Array };
export type FromDiceWorker = { readonly dice: readonly number[] } | { readonly error: SentError };

/**
 * Computes masks at the size of the original images, and their Dice, on another thread while the network processes the next images. The
 * thread starts with the first image, keeps the true masks, and keeps the process alive until it is closed.
 */
export class DiceThread {
  readonly #settings: DiceSettings;
  readonly #waiting: PromiseWithResolvers<readonly number[]>[] = [];
  #worker: Worker | undefined;
  #failure: Error | undefined;

  constructor(settings: DiceSettings) {
    this.#settings = settings;
  }

  /**
   * The Dice of each class of one image from its logits `[size, size, classes]`, which are copied. Rejects with the errors of the prepared
   * set's `readPolygons`, and with the error that ended the thread. An unused result causes no unhandled rejection.
   */
  of(sample: PreparedSample, logits: Float32Array): Promise<readonly number[]> {
    const answer = Promise.withResolvers<readonly number[]>();
    // A validation that stops early does not await its last results.
    answer.promise.catch(() => undefined);
    this.#waiting.push(answer);
    const copy = logits.slice();
    const message: ToDiceWorker = { sample, logits: copy };
    this.#worker ??= this.#start();
    this.#worker.postMessage(message, [copy.buffer]);
    if (this.#failure) this.#fail(this.#failure);
    return answer.promise;
  }

  /** Ends the thread and rejects all pending results. */
  async close(): Promise<void> {
    this.#fail(new Error('The thread that compares masks was closed.'));
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./dice-worker.ts', import.meta.url), { workerData: this.#settings });
    worker.on('message', (message: FromDiceWorker) => {
      const answer = this.#waiting.shift();
      if ('dice' in message) answer?.resolve(message.dice);
      else answer?.reject(receiveError(message.error));
    });
    worker.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', (code) => this.#fail(new Error(`The thread that compares masks ended with ${code}.`)));
    return worker;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}
