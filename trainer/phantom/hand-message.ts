import type { SentError } from '../data/batch-request.ts';

/** What a worker that makes hands is started with; it is then sent one HandFiles at a time. */
export type HandWorkerData = { readonly folder: string; readonly seed: number; readonly size: number };

/** The worker's answer to each: done, or what went wrong. */
export type FromHandWorker = { readonly error: SentError | undefined };
