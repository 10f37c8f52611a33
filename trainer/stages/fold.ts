import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { CheckpointRecord, EngineIdentity } from '@carpal/artifacts/checkpoint-record.ts';
import { type Clock, type ProgressFields, ProgressWriter } from '@carpal/artifacts/progress.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { engineIdentity } from '../engine/engine-identity.ts';
import { placedEnsembleLimit } from '../memory/check-memory.ts';
import { readGpus } from '../memory/gpus.ts';
import { type MemoryLimit, readMemoryLimit } from '../memory/process-memory.ts';
import { FoldCheckpoints, isOldFingerprint, trainingFingerprint } from '../train/checkpoints.ts';
import { trainFold } from '../train/train-fold.ts';
import { findPrepared } from './prepared-note.ts';

/** A kill loses at most this much training time within an epoch. */
const CHECKPOINT_EVERY_MS = 5 * 60_000;

export type FoldStage = {
  readonly experiment: SegmentationExperiment;
  readonly fold: number;
  readonly store: ArtifactStore;
  readonly clock: Clock;
  /** If aborted, the stage finishes its step, saves, and throws `stopped-with-checkpoint`. */
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly checkpointEveryMs?: number;
  /** Memory that the process may use. By default the limit that the system sets. */
  readonly memoryLimit?: MemoryLimit;
  /** The engine of this process. By default what it reports. */
  readonly engine?: EngineIdentity;
  /** Memory that the ensemble stage may use. By default that of its placement. */
  readonly ensembleLimit?: MemoryLimit;
};

/**
 * The fold stage: trains on the people of the other folds, from the last checkpoint if one exists, and writes out-of-fold masks for its own
 * people. Does nothing if the fold is already finished. Throws `stopped-with-checkpoint` if the signal aborts, and `fold-taken` if another
 * process has taken over the fold. Every other error is written to progress.json before it is thrown.
 */
export async function runFold(stage: FoldStage): Promise<void> {
  const { experiment, fold, store, clock, log } = stage;
  checkFold(experiment, fold);
  const key = foldKey(experiment, fold);
  const gpu = await readGpus();
  const progress = new ProgressWriter({
    store,
    experiment,
    stage: { stage: 'fold', fold },
    clock,
    initial: gpu === undefined ? {} : { gpu },
  });
  const writer = `${hostname()}-${randomUUID()}`;
  const { spec } = experiment;
  const trains = trainingFingerprint(spec, fold);
  const checkpoints = new FoldCheckpoints(store, `${key}/checkpoint`, trains, writer, isOldFingerprint(spec, fold));
  const removeListener = store.onTransfer(progress.beat);
  try {
    const record = await checkpoints.load();
    if (record?.finished) {
      await progress.ensureFinished();
      log(`fold ${fold} is already finished: best Dice ${record.best?.dice.toFixed(4)} in epoch ${record.best?.epoch}`);
      return;
    }
    await progress.write(positionOf(experiment, record));
    const prepared = await findPrepared(experiment, store);
    const {
      checkpointEveryMs = CHECKPOINT_EVERY_MS,
      memoryLimit = await readMemoryLimit(),
      ensembleLimit = placedEnsembleLimit(spec),
      engine = engineIdentity(gpu),
    } = stage;
    await trainFold({ ...stage, key, prepared, checkpoints, progress, record, checkpointEveryMs, memoryLimit, ensembleLimit, engine });
  } catch (error) {
    // The process that took over the fold reports its progress.
    if (!(error instanceof CarpalError && error.code === 'fold-taken')) await progress.fail(error);
    throw error;
  } finally {
    removeListener();
  }
}

/** What is known before the data set is opened. */
function positionOf({ spec }: SegmentationExperiment, record: CheckpointRecord | undefined): ProgressFields {
  const { epoch = 1, step = 0, best = null } = record ?? {};
  return { epoch: epoch - 1, epochs: spec.training.epochs, step, bestDice: best?.dice ?? null, bestEpoch: best?.epoch ?? null };
}

function checkFold({ spec }: SegmentationExperiment, fold: number): void {
  const { folds } = spec.dataset.split;
  if (fold < folds) return;
  throw new CarpalError('usage-invalid', `fold ${fold} does not exist: the split has ${folds} folds, numbered from 0`, { where: '--fold' });
}
