import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { PreparedSample, PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { receiveError, type SentError } from '../data/thread-error.ts';
import { type ClassParts, classParts } from '../infer/class-parts.ts';
import { type ClassScore, TriedThresholds } from '../infer/tried-thresholds.ts';
import { scoreParts } from './score-parts.ts';

/** Settings that are the same for all images. */
export type ScoringSettings = {
  readonly preparedFolder: string;
  /** The manifest's threshold. */
  readonly threshold: number;
};

export type ToScoringWorker = { readonly sample: PreparedSample; readonly parts: ClassParts };
export type FromScoringWorker = { readonly scores: readonly ClassScore[] } | { readonly error: SentError };

/** More threads hardly help: one needs less time for an image than a network. */
const MOST_THREADS = 8;
/** Images on a smaller grid are scored on the calling thread: a thread takes longer to start than to score a hundred of them. */
const SMALLEST_GRID = 128;
/** Most bytes of logits that threads hold, apart from one part of an image. */
const MOST_BYTES = 96 * 2 ** 20;

/** The number of threads that score `images` images of logits on a grid of this side. 0 is the calling thread. */
export function scoringThreads(images: number, size: number): number {
  return size < SMALLEST_GRID ? 0 : Math.min(availableParallelism(), MOST_THREADS, images);
}

/**
 * Scores masks at the size of the original images at all tried thresholds, on other threads while the networks process the next images. The
 * scores do not depend on the number of threads. A thread starts with its first image. Threads keep the process alive until they are closed.
 */
export class ScoringThreads {
  readonly tried: TriedThresholds;
  readonly #prepared: PreparedSet;
  readonly #threads: readonly ScoringThread[];
  #next = 0;
  /** The parts that may have no answer yet, oldest first. */
  #held: { readonly bytes: number; readonly answer: Promise<unknown> }[] = [];

  constructor(prepared: PreparedSet, threshold: number, threads: number) {
    this.tried = new TriedThresholds(threshold);
    this.#prepared = prepared;
    this.#threads = Array.from({ length: threads }, () => new ScoringThread({ preparedFolder: prepared.folder, threshold }));
  }

  /**
   * Hands over an image with its logits `[size, size, classes]`. Returns when the logits are no longer needed; `scores`, one per class,
   * follow later. They reject with the errors of the prepared set's `readPolygons`, and with the error that ended a thread. An unused
   * result causes no unhandled rejection.
   */
  async start(
    sample: PreparedSample,
    logits: Float32Array,
    size: number,
    classes: number,
  ): Promise<{ readonly scores: Promise<readonly ClassScore[]> }> {
    const answers: Promise<readonly ClassScore[]>[] = [];
    for (const parts of classParts(logits, size, classes, this.tried.bins.lowestLogit)) {
      const bytes = parts.values.byteLength;
      await this.#room(bytes);
      const answer = this.#score(sample, parts);
      answer.catch(() => undefined);
      this.#held.push({ bytes, answer });
      answers.push(answer);
    }
    const scores = Promise.all(answers).then((all) => all.flat());
    scores.catch(() => undefined);
    return { scores };
  }

  /** Waits until this many bytes more are within the limits. */
  async #room(bytes: number): Promise<void> {
    const sum = (): number => this.#held.reduce((total, part) => total + part.bytes, bytes);
    while (this.#held.length > 0 && (sum() > MOST_BYTES || this.#held.length >= 2 * this.#threads.length)) {
      const oldest = this.#held.shift();
      // The caller gets the error with the scores.
      await oldest?.answer.catch(() => undefined);
    }
  }

  #score(sample: PreparedSample, parts: ClassParts): Promise<readonly ClassScore[]> {
    const thread = this.#threads[this.#next++ % this.#threads.length];
    return thread ? thread.score({ sample, parts }) : scoreParts(this.#prepared, sample, parts, this.tried);
  }

  /** Ends the threads and rejects all pending results. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}

/** One thread, which answers in order. */
class ScoringThread {
  readonly #settings: ScoringSettings;
  readonly #waiting: PromiseWithResolvers<readonly ClassScore[]>[] = [];
  #worker: Worker | undefined;
  #failure: Error | undefined;

  constructor(settings: ScoringSettings) {
    this.#settings = settings;
  }

  score(message: ToScoringWorker): Promise<readonly ClassScore[]> {
    const answer = Promise.withResolvers<readonly ClassScore[]>();
    this.#waiting.push(answer);
    this.#worker ??= this.#start();
    this.#worker.postMessage(message, [message.parts.values.buffer, message.parts.spans.buffer]);
    if (this.#failure) this.#fail(this.#failure);
    return answer.promise;
  }

  async close(): Promise<void> {
    this.#fail(new Error('The thread that scores masks was closed.'));
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./scoring-worker.ts', import.meta.url), { workerData: this.#settings });
    worker.on('message', (message: FromScoringWorker) => {
      const answer = this.#waiting.shift();
      if ('scores' in message) answer?.resolve(message.scores);
      else answer?.reject(receiveError(message.error));
    });
    worker.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', (code) => this.#fail(new Error(`The thread that scores masks ended with ${code}.`)));
    return worker;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}
