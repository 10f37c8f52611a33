import { type Random, randomFor, shuffled } from '@carpal/masks/random.ts';
import type { PreparedSample } from '@carpal/report/dataset/prepared-set.ts';
import type { BatchBuffers, BatchOptions, Parts } from './batch-maker.ts';
import { BatchThread, type FromWorker } from './batch-thread.ts';
import { receiveError } from './thread-error.ts';

/**
 * A few images with their targets. The arrays are reused: they become empty (length 0) when the next batch is requested, so copy them to
 * keep them.
 */
export type Batch = {
  /** Index of the batch within its epoch. */
  readonly step: number;
  readonly size: number;
  /** [count, size, size, 1] in 0..1. */
  readonly images: Float32Array;
  /** [count, size, size, classes]: how much of each pixel the class covers, 0..255; with nearest targets 0 or 255. */
  readonly targets: Uint8Array;
  /** One for each image; with windows, a sample stands once for each of its windows. */
  readonly samples: readonly PreparedSample[];
};

export type Batches = AsyncIterable<Batch> & {
  /** The number of batches of the whole epoch, including those before `startStep`. */
  readonly steps: number;
  /** Releases the thread. Leaving the loop early does this too. */
  close(): Promise<void>;
};

/**
 * Makes the batches of one epoch on another thread while the caller trains. The order depends only on (seed, epoch), and the augmentation
 * of an image only on (seed, epoch, image name), so an epoch that continues at `startStep` gives exactly the rest of the uninterrupted
 * epoch. The last batch may be smaller. An error of the thread is thrown to the consumer with its code. Can be iterated once.
 */
export function openBatches(options: BatchOptions): Batches {
  const { shuffle = true, ahead = 2, ...request } = options;
  const { samples, seed, epoch, batchSize } = request;
  const ordered = samplesInOrder(samples, request.parts, shuffle ? randomFor(seed, 'order', epoch) : undefined);
  const feed = new BatchFeed(BatchThread.acquire({ ...request, samples: ordered }), ordered, batchSize, ahead);
  return {
    steps: Math.ceil(ordered.length / batchSize),
    close: async () => feed.close(),
    [Symbol.asyncIterator]: () => feed,
  };
}

/** The samples of an epoch: shuffled, or in their order with each sample once for each of its windows. */
function samplesInOrder(
  samples: readonly PreparedSample[],
  parts: Parts | undefined,
  random: Random | undefined,
): readonly PreparedSample[] {
  if (parts?.kind === 'windows') return samples.flatMap((sample) => parts.windows.map(() => sample));
  return random ? shuffled(samples, random) : [...samples];
}

/** One iteration over an epoch: keeps `ahead` batches requested beyond the one in use. */
class BatchFeed implements AsyncIterator<Batch> {
  readonly #thread: BatchThread;
  readonly #samples: readonly PreparedSample[];
  readonly #batchSize: number;
  #inUse: BatchBuffers | undefined;
  #isClosed = false;

  constructor(thread: BatchThread, samples: readonly PreparedSample[], batchSize: number, ahead: number) {
    this.#thread = thread;
    this.#samples = samples;
    this.#batchSize = batchSize;
    for (let i = 0; i < ahead; i++) thread.requestBatch(undefined);
  }

  async next(): Promise<IteratorResult<Batch>> {
    if (this.#isClosed) return { done: true, value: undefined };
    // The first call has no buffers to return, so the batch in use is in addition to those made ahead.
    this.#thread.requestBatch(this.#inUse);
    this.#inUse = undefined;
    let message: FromWorker;
    try {
      message = await this.#thread.receive();
    } catch (error) {
      this.close();
      throw error;
    }
    if (message.type === 'batch') return { done: false, value: this.#toBatch(message) };
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

  #toBatch({ step, size, count, buffers }: FromWorker & { type: 'batch' }): Batch {
    this.#inUse = buffers;
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
