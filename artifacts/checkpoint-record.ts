/** checkpoint/state.json of a fold: the state of its training except for the arrays, which are in weights files. */
import { CarpalError } from '@carpal/configs/errors.ts';
import { z } from 'zod';

/** A weights file next to state.json. Its name contains its hash, so a newer file never overwrites one that a state.json still names. */
const weightsFileSchema = z.strictObject({ file: z.string().min(1), sha256: z.string().regex(/^[0-9a-f]{64}$/) });

const count = () => z.number().int().min(0);

/** What decides the last bits of float results besides the data and the code: a training has the same bits again on the same engine. */
const engineIdentitySchema = z.strictObject({
  /** Threads that share the work of one operation. */
  threads: count().min(1),
  /** The newest instruction set of the processor, as oneDNN names it: `AVX2`, `AVX512_CORE_BF16`. */
  instructions: z.string().max(100),
  /** TensorFlow and its binding, with versions. */
  build: z.string().max(200),
  /** `CPU`, or the model of the GPU. */
  device: z.string().max(256),
});
export type EngineIdentity = z.output<typeof engineIdentitySchema>;

/**
 * The complete state of a fold's training, together with the weights files that it names. Random numbers are derived from names (seed,
 * epoch, image), so no generator state needs to be saved.
 */
const checkpointRecordSchema = z.strictObject({
  version: z.literal(1),
  /** The process that wrote the record. Only this process may write the next one (see FoldCheckpoints). Empty in old checkpoints. */
  writer: z.string().default(''),
  /** Hash of the manifest fields that decide the training (see trainingFingerprint): a checkpoint of another experiment is refused. */
  trains: z.string(),
  /** Hash of the prepared set that the fold trains on. */
  prepared: z.string(),
  /** True once the out-of-fold files are written too: a finished fold is never trained again. */
  finished: z.boolean(),
  /** The epoch, from 1, of the next step; epochs + 1 when all epochs are done. */
  epoch: count().min(1),
  /** Steps of that epoch already done. */
  step: count(),
  /** Why training ended; null while it continues. */
  ended: z.enum(['epochs', 'early-stopping']).nullable(),
  /** Sums over the steps already done in this epoch: the epoch's metrics line needs them for the mean loss and the throughput. */
  running: z.strictObject({ loss: z.number(), images: count(), seconds: z.number().min(0), waitSeconds: z.number().min(0).default(0) }),
  last: weightsFileSchema,
  best: weightsFileSchema.extend({ epoch: count().min(1), dice: z.number() }).nullable(),
  schedule: z.json(),
  /** The engines that did the steps so far, each once, in the order of their first use. Empty in old checkpoints. */
  engines: z.array(engineIdentitySchema).max(16).default([]),
  earlyStop: z.strictObject({ reference: z.number().nullable(), referenceEpoch: count() }),
});
export type CheckpointRecord = z.output<typeof checkpointRecordSchema>;
export type WeightsFile = z.output<typeof weightsFileSchema>;

/** The record in a state.json. Throws `checkpoint-invalid` with `where`, the file's key, if it cannot be read. */
export function parseCheckpointRecord(bytes: Buffer, where: string): CheckpointRecord {
  try {
    return checkpointRecordSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw new CarpalError('checkpoint-invalid', 'the checkpoint record cannot be read', { where, cause });
  }
}

/** The content of a state.json. */
export function checkpointRecordText(record: CheckpointRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}
