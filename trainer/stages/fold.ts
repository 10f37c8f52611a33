import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Clock, ProgressWriter } from '@carpal/artifacts/progress.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { readGpus } from '../memory/gpus.ts';
import { type MemoryLimit, readMemoryLimit } from '../memory/process-memory.ts';
import { FoldCheckpoints } from '../train/checkpoints.ts';
import { trainingFingerprint } from '../train/checkpoints.ts';
import { trainFold } from '../train/train-fold.ts';
import { findPrepared } from './find-prepared.ts';

/** How much training a kill may cost within an epoch. */
const CHECKPOINT_EVERY_MS = 5 * 60_000;

export type FoldStage = {
  readonly experiment: SegmentationExperiment;
  readonly fold: number;
  readonly store: ArtifactStore;
  readonly clock: Clock;
  /** Aborted: finish the step, save, and end with `stopped-with-checkpoint`. */
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly checkpointEveryMs?: number;
  /** What the process may use, by default what the system says. */
  readonly memoryLimit?: MemoryLimit;
};

/**
 * Trains one fold on the people of the other folds, from its last checkpoint if it has one, and writes the masks of its own people.
 * A fold that is finished is left as it is. Throws `stopped-with-checkpoint` when the signal asked for a stop and `fold-taken` where another
 * process has gone on with the fold; whatever else it throws is in progress.json before.
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
  const checkpoints = new FoldCheckpoints(store, `${key}/checkpoint`, trainingFingerprint(experiment.spec, fold), writer);
  try {
    const record = await checkpoints.load();
    if (record?.finished) {
      await progress.ensureFinished();
      log(`fold ${fold} is finished: best Dice ${record.best?.dice.toFixed(4)} in epoch ${record.best?.epoch}`);
      return;
    }
    const prepared = await findPrepared(experiment, store);
    const { checkpointEveryMs = CHECKPOINT_EVERY_MS, memoryLimit = await readMemoryLimit() } = stage;
    await trainFold({ ...stage, key, prepared, checkpoints, progress, record, checkpointEveryMs, memoryLimit });
  } catch (error) {
    // The process that took the fold over reports for it.
    if (!(error instanceof CarpalError && error.code === 'fold-taken')) await progress.fail(error);
    throw error;
  }
}

function checkFold({ spec }: SegmentationExperiment, fold: number): void {
  const { folds } = spec.dataset.split;
  if (fold < folds) return;
  throw new CarpalError('usage-invalid', `there is no fold ${fold}: the split has ${folds}, numbered from 0`, { where: '--fold' });
}
