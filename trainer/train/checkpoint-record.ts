import { z } from 'zod';

/** A weights file beside state.json: its name carries its hash, so a newer file never overwrites one that a state.json still names. */
const weightsFileSchema = z.strictObject({ file: z.string().min(1), sha256: z.string().regex(/^[0-9a-f]{64}$/) });

const count = () => z.number().int().min(0);

/**
 * state.json: everything about a fold in training that is not an array. With the weights files it names it is the whole state, since
 * random numbers depend on names (seed, epoch, image) and keep none.
 */
export const checkpointRecordSchema = z.strictObject({
  version: z.literal(1),
  /** The process that wrote it; only this one may write the next (see FoldCheckpoints). Checkpoints made before it was noted have none. */
  writer: z.string().default(''),
  /** Hash of what the manifest has to say about the training (see fingerprint.ts): another experiment's checkpoint is refused. */
  trains: z.string(),
  /** Hash of the prepared set that the fold trains on. */
  prepared: z.string(),
  /** True once the out-of-fold files are written too: a finished fold is never trained again. */
  finished: z.boolean(),
  /** The epoch, from 1, that the next step belongs to; epochs + 1 when all are done. */
  epoch: count().min(1),
  /** Steps of that epoch already done. */
  step: count(),
  /** Why training ended, while it has. */
  ended: z.enum(['epochs', 'early-stopping']).nullable(),
  /** Sums over the steps done of this epoch, for the mean loss and the rate in its metrics line. */
  running: z.strictObject({ loss: z.number(), images: count(), seconds: z.number().min(0), waitSeconds: z.number().min(0).default(0) }),
  last: weightsFileSchema,
  best: weightsFileSchema.extend({ epoch: count().min(1), dice: z.number() }).nullable(),
  schedule: z.json(),
  earlyStop: z.strictObject({ reference: z.number().nullable(), referenceEpoch: count() }),
});
export type CheckpointRecord = z.output<typeof checkpointRecordSchema>;
export type WeightsFile = z.output<typeof weightsFileSchema>;
