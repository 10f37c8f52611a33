import type { ErrorCode } from '@carpal/configs/errors.ts';
import type { AugmentationSpec } from '@carpal/configs/schema/experiment.ts';
import type { TargetRule } from './fill-target.ts';
import type { PreparedSample } from './prepared.ts';

/** One epoch's batches, as the worker is asked for them. `samples` are in the order in which they come. */
export type BatchRequest = {
  readonly prepared: string;
  readonly samples: readonly PreparedSample[];
  readonly batchSize: number;
  readonly classes: number;
  readonly seed: number;
  readonly epoch: number;
  readonly startStep: number;
  readonly augmentations: readonly AugmentationSpec[];
  /** Left out: area. */
  readonly targets?: TargetRule;
};

/** The memory of one batch, sent to and fro; absent ones are made by the worker. */
export type BatchBuffers = { readonly images: Float32Array<ArrayBuffer>; readonly targets: Uint8Array<ArrayBuffer> };

/** To the worker. `epochId` tells epochs apart, so that what is still under way for a closed one is dropped. */
export type ToWorker =
  | { readonly type: 'open'; readonly epochId: number; readonly request: BatchRequest }
  | { readonly type: 'more'; readonly epochId: number; readonly buffers: BatchBuffers | undefined };

/** From the worker. `count` is how many samples the batch holds, from the buffers' start. */
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

/** An error as it crosses threads: a CarpalError by its code, anything else by its text. */
export type SentError = {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly where: string | undefined;
  readonly fix: string;
  readonly stack: string | undefined;
};
