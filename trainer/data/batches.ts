import { randomFor, shuffled } from '@carpal/masks/random.ts';
import type { PreparedSample } from '@carpal/report/dataset/prepared-set.ts';
import type { BatchBuffers, BatchOptions } from './batch-maker.ts';
import { BatchThread, type FromWorker } from './batch-thread.ts';
import { receiveError } from './thread-error.ts';

/**
 * A few images with their targets. The arrays are lent: asking for the next batch takes them back (their length becomes 0), so whoever
 * wants to keep them copies them.
 */
export type Batch = {
  /** Index of the batch within its epoch. */
  readonly step: number;
  readonly size: number;
  /** [count, size, size, 1] in 0..1. */
  readonly images: Float32Array;
  /** [count, size, size, classes]: how much of each pixel the class covers, 0..255; with nearest targets 0 or 255. */
  readonly targets: Uint8Array;
  readonly samples: readonly PreparedSample[];
};

export type Batches = AsyncIterable<Batch> & {
  /** Batches of the whole epoch, those before `startStep` included. */
  readonly steps: number;
  /** Gives the thread back; a loop that is left early does so itself. */
  close(): Promise<void>;
};

/**
 * One epoch's batches, made on another thread while the caller trains. The order depends on (seed, epoch) alone and each image's
 * augmentation on (seed, epoch, image name), so an epoch that goes on at `startStep` gives exactly what is left of the uninterrupted one.
 * The last batch holds what is left over. An error of the thread is thrown to the consumer with its code. It can be walked through once.
 */
export function openBatches(options: BatchOptions): Batches {
  const { shuffle = true, ahead = 2, ...request } = options;
  const { samples, seed, epoch, batchSize } = request;
  const ordered = shuffle ? shuffled(samples, randomFor(seed, 'order', epoch)) : [...samples];
  const feed = new BatchFeed(BatchThread.acquire({ ...request, samples: ordered }), ordered, batchSize, ahead);
  return {
    steps: Math.ceil(samples.length / batchSize),
    close: async () => feed.close(),
    [Symbol.asyncIterator]: () => feed,
  };
}

/** One walk through an epoch: keeps `ahead` batches asked for beyond the one lent out. */
class BatchFeed implements AsyncIterator<Batch> {
  readonly #thread: BatchThread;
  readonly #samples: readonly PreparedSample[];
  readonly #batchSize: number;
  #lent: BatchBuffers | undefined;
  #isClosed = false;

  constructor(thread: BatchThread, samples: readonly PreparedSample[], batchSize: number, ahead: number) {
    this.#thread = thread;
    this.#samples = samples;
    this.#batchSize = batchSize;
    for (let i = 0; i < ahead; i++) thread.requestBatch(undefined);
  }

  async next(): Promise<IteratorResult<Batch>> {
    if (this.#isClosed) return { done: true, value: undefined };
    // The first call has nothing to give back, so the batch in the consumer's hands comes on top of those ahead.
    this.#thread.requestBatch(this.#lent);
    this.#lent = undefined;
    let message: FromWorker;
    try {
      message = await this.#thread.receive();
    } catch (error) {
      this.close();
      throw error;
    }
    if (message.type === 'batch') return { done: false, value: this.#lend(message) };
    this.close();
    if (message.type === 'error') throw receiveError(message.error);
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Batch>> {
    this.close();
    return { done: true, value: undefined };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#thread.release();
  }

  #lend({ step, size, count, buffers }: FromWorker & { type: 'batch' }): Batch {
    this.#lent = buffers;
    const pixels = size * size;
    const channels = buffers.targets.length / buffers.images.length;
    const from = step * this.#batchSize;
    return {
      step,
      size,
      images: buffers.images.subarray(0, count * pixels),
      targets: buffers.targets.subarray(0, count * pixels * channels),
      samples: this.#samples.slice(from, from + count),
    };
  }
}
