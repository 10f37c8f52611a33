import { CarpalError } from '@carpal/configs/errors.ts';
import { type MeasuredSizes, withSizes } from '@carpal/configs/schema/auto.ts';
import type { CheckedManifest, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { AUTO } from '@carpal/configs/schema/fields.ts';
import { sizeMultiple } from '@carpal/configs/schema/options.ts';
import { type BatchTrial, nextBatchSize, nextSize, sidesFor } from './choose-sizes.ts';
import { gigabytes, memoryTooSmall } from './memory-too-small.ts';
import type { TrialOutcome, TrialRequest } from './trial.ts';

/** The share of the memory that a measured size may use. The rest covers differences between a trial and a fold. */
export const USABLE = 0.8;
/** The largest batch that a manifest may set. */
const LARGEST_BATCH = 256;

export type SizeSearch = {
  readonly manifest: CheckedManifest;
  readonly classes: number;
  /** Number of training images of the smallest fold. */
  readonly images: number;
  /** The longer side of the images. */
  readonly longestSide: number;
  /** Memory limit of one fold. */
  readonly limitMb: number;
  readonly trial: (request: TrialRequest, limitMb: number) => Promise<TrialOutcome>;
  readonly log: (line: string) => void;
};

const secondsText = (seconds: number): string => `${seconds.toFixed(seconds < 10 ? 2 : 0)} s`;

function outcomeText(outcome: TrialOutcome, batchSize: number): string {
  if (outcome.kind === 'measured')
    return `${gigabytes(outcome.peakMemoryMb)}, ${secondsText(outcome.stepSeconds)} per step, ${(batchSize / outcome.stepSeconds).toFixed(2)} images per second`;
  if (outcome.kind === 'too-large') return outcome.why;
  return outcome.kind === 'too-slow' ? `not finished after ${secondsText(outcome.seconds)}` : 'failed';
}

/**
 * The manifest with each `auto` replaced by a measured size: first the largest usual side that fits (with the manifest's batch, or one
 * image), then the batch size. A trial that takes too long counts as too large. Logs each trial and each choice. Throws `memory-too-small`
 * if nothing fits, and `trial-failed` if even the smallest size takes too long or a trial fails for another reason.
 */
export async function measureSizes(search: SizeSearch): Promise<SegmentationExperiment> {
  const { manifest } = search;
  const sizes: { inputSize?: number; batchSize?: number } = {};
  if (manifest.spec.input.size === AUTO) sizes.inputSize = await measureSide(search);
  if (manifest.spec.training.batchSize === AUTO) sizes.batchSize = await measureBatch(search, sizes);
  return completed(manifest, sizes);
}

function completed(manifest: CheckedManifest, sizes: MeasuredSizes): SegmentationExperiment {
  const experiment = withSizes(manifest, sizes);
  if (experiment === undefined) throw new Error('a size has not been measured yet');
  return experiment;
}

/** Runs and logs one trial of these sizes. */
async function trySizes(search: SizeSearch, sizes: MeasuredSizes, steps: number): Promise<TrialOutcome> {
  const { manifest, classes, limitMb, trial, log } = search;
  const { spec } = completed(manifest, sizes);
  const { size } = spec.input;
  const { batchSize } = spec.training;
  const outcome = await trial({ spec, classes, steps }, USABLE * limitMb);
  log(`tried ${spec.model.name} at ${size} px with a batch of ${batchSize}: ${outcomeText(outcome, batchSize)}`);
  if (outcome.kind === 'failed') {
    throw new CarpalError('trial-failed', outcome.message, { where: `${spec.model.name} at ${size} px with a batch of ${batchSize}` });
  }
  return outcome;
}

const TOO_SLOW = 'the next size takes too long to try';
const usable = ({ limitMb }: SizeSearch): string => `80 % of ${gigabytes(limitMb)}`;

/** The error if not even the smallest size fits into memory or finishes in time. */
function nothingFits({ manifest, limitMb }: SizeSearch, size: number, batchSize: number, smallest: TrialOutcome | undefined): CarpalError {
  if (smallest?.kind === 'too-slow') {
    return new CarpalError('trial-failed', `the trial steps did not finish within ${secondsText(smallest.seconds)}`, {
      where: `${manifest.spec.model.name} at ${size} px with a batch of ${batchSize}`,
      fix: 'Use a smaller network or a faster machine, or set input.size and training.batchSize to numbers.',
    });
  }
  return memoryTooSmall({
    network: manifest.spec.model.name,
    size,
    batchSize,
    limitMb: USABLE * limitMb,
    from: '80 % of the memory limit of a fold',
  });
}

async function measureSide(search: SizeSearch): Promise<number> {
  const { manifest, longestSide, log } = search;
  const { model, training } = manifest.spec;
  const batchSize = training.batchSize === AUTO ? 1 : training.batchSize;
  const sides = sidesFor(sizeMultiple(model), longestSide);
  const fits = new Map<number, boolean>();
  let failed: TrialOutcome | undefined;
  for (;;) {
    const move = nextSize(sides, fits);
    if ('next' in move) {
      const outcome = await trySizes(search, { inputSize: move.next, batchSize }, 1);
      fits.set(move.next, outcome.kind === 'measured');
      // Bisection tries smaller sizes after each failure, so the last one that failed is the next after the chosen one.
      if (outcome.kind !== 'measured') failed = outcome;
      continue;
    }
    const { chosen } = move;
    if (chosen === undefined) throw nothingFits(search, sides[0] ?? 0, batchSize, failed);
    const limitReason = failed?.kind === 'too-slow' ? TOO_SLOW : `the largest size that fits into ${usable(search)}`;
    const why = failed === undefined ? 'the images have no more detail, or it is the largest supported size' : limitReason;
    log(`input.size: ${chosen} (${why})`);
    return chosen;
  }
}

async function measureBatch(search: SizeSearch, { inputSize }: MeasuredSizes): Promise<number> {
  const { manifest, images, log } = search;
  const trials: BatchTrial[] = [];
  let failed: TrialOutcome | undefined;
  const most = Math.min(LARGEST_BATCH, Math.max(1, images));
  for (;;) {
    const move = nextBatchSize(trials, most);
    if ('next' in move) {
      const batchSize = move.next;
      const outcome = await trySizes(search, { ...(inputSize === undefined ? {} : { inputSize }), batchSize }, 3);
      const speed = outcome.kind === 'measured' ? batchSize / outcome.stepSeconds : 0;
      if (outcome.kind !== 'measured') failed = outcome;
      trials.push({ batchSize, fits: outcome.kind === 'measured', imagesPerSecond: speed });
      continue;
    }
    const { chosen, because } = move;
    const size = manifest.spec.input.size === AUTO ? (inputSize ?? 0) : manifest.spec.input.size;
    if (chosen === undefined) throw nothingFits(search, size, 1, failed);
    const why = {
      memory: failed?.kind === 'too-slow' ? TOO_SLOW : `the next size does not fit into ${usable(search)}`,
      images: 'the smallest fold has too few images for more, or it is the largest supported batch',
      speed: 'the next size is less than 5 % faster per image',
    };
    log(`training.batchSize: ${chosen} (${why[because]})`);
    return chosen;
  }
}
