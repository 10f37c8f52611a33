import { CarpalError } from '@carpal/configs/errors.ts';
import { AUTO, type MeasuredSizes, withSizes } from '@carpal/configs/schema/auto.ts';
import type { CheckedManifest, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { sizeMultiple } from '@carpal/configs/schema/options.ts';
import { type BatchTrial, nextBatchSize, nextSize, sidesFor } from './choose-sizes.ts';
import { gigabytes, memoryTooSmall } from './too-large.ts';
import type { TrialOutcome, TrialRequest } from './trial.ts';

/** What a size that the machine is to choose may take of the memory; the rest is for what differs between a trial and a fold. */
export const USABLE = 0.8;
/** The largest batch of a manifest. */
const LARGEST_BATCH = 256;

export type SizeSearch = {
  readonly manifest: CheckedManifest;
  readonly classes: number;
  /** Images that the smallest fold trains on. */
  readonly images: number;
  /** The longer side of an image of the data set. */
  readonly longestSide: number;
  /** Memory of one fold, whole. */
  readonly limitMb: number;
  readonly trial: (request: TrialRequest, limitMb: number) => Promise<TrialOutcome>;
  readonly log: (line: string) => void;
};

const secondsText = (seconds: number): string => `${seconds.toFixed(seconds < 10 ? 2 : 0)} s`;

function outcomeText(outcome: TrialOutcome, batchSize: number): string {
  if (outcome.kind === 'measured')
    return `${gigabytes(outcome.peakMemoryMb)}, ${secondsText(outcome.stepSeconds)} a step, ${(batchSize / outcome.stepSeconds).toFixed(2)} images a second`;
  if (outcome.kind === 'too-large') return outcome.why;
  return outcome.kind === 'too-slow' ? `not done in ${secondsText(outcome.seconds)}` : 'failed';
}

/**
 * The manifest with every `auto` replaced by what trial steps found: first the largest usual side that fits (with the batch that is asked
 * for, or one image), then the batch. What takes too long to try counts as too large. Each trial and each choice is logged. Throws
 * `memory-too-small` where nothing fits, `trial-failed` where even the smallest takes too long or a trial breaks for another reason.
 */
export async function measureSizes(search: SizeSearch): Promise<SegmentationExperiment> {
  const { manifest } = search;
  const sizes: { inputSize?: number; batchSize?: number } = {};
  if (manifest.spec.input.size === AUTO) sizes.inputSize = await measureSide(search);
  if (manifest.spec.training.batchSize === AUTO) sizes.batchSize = await measureBatch(search, sizes);
  return known(manifest, sizes);
}

function known(manifest: CheckedManifest, sizes: MeasuredSizes): SegmentationExperiment {
  const experiment = withSizes(manifest, sizes);
  if (experiment === undefined) throw new Error('a size is not known yet');
  return experiment;
}

/** One trial of these sizes, told to the log. */
async function tried(search: SizeSearch, sizes: MeasuredSizes, steps: number): Promise<TrialOutcome> {
  const { manifest, classes, limitMb, trial, log } = search;
  const { spec } = known(manifest, sizes);
  const { size } = spec.input;
  const { batchSize } = spec.training;
  const outcome = await trial({ spec, classes, steps }, USABLE * limitMb);
  log(
    `tried ${spec.model.name} at ${size} px with ${batchSize === 1 ? '1 image' : `${batchSize} images`}: ${outcomeText(outcome, batchSize)}`,
  );
  if (outcome.kind === 'failed') {
    throw new CarpalError('trial-failed', outcome.message, { where: `${spec.model.name} at ${size} px, batch of ${batchSize}` });
  }
  return outcome;
}

const TOO_SLOW = 'the next takes too long to try';
const usable = ({ limitMb }: SizeSearch): string => `80 % of ${gigabytes(limitMb)}`;

/** The error where not even the smallest could be trained: for want of memory, or of time. */
function nothingFits({ manifest, limitMb }: SizeSearch, size: number, batchSize: number, smallest: TrialOutcome | undefined): CarpalError {
  if (smallest?.kind === 'too-slow') {
    return new CarpalError('trial-failed', `the steps of the trial were not done in ${secondsText(smallest.seconds)}`, {
      where: `${manifest.spec.model.name} at ${size} px, batch of ${batchSize}`,
      fix: 'Take a narrower network or a faster machine, or write input.size and training.batchSize as numbers.',
    });
  }
  return memoryTooSmall({
    network: manifest.spec.model.name,
    size,
    batchSize,
    limitMb: USABLE * limitMb,
    from: '80 % of the memory that a fold may use',
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
      const outcome = await tried(search, { inputSize: move.next, batchSize }, 1);
      fits.set(move.next, outcome.kind === 'measured');
      // Each one that fails is smaller than those before, so that the last is the next to the one chosen.
      if (outcome.kind !== 'measured') failed = outcome;
      continue;
    }
    const { chosen } = move;
    if (chosen === undefined) throw nothingFits(search, sides[0] ?? 0, batchSize, failed);
    const outgrown = failed?.kind === 'too-slow' ? TOO_SLOW : `the largest that fits ${usable(search)}`;
    const why = failed === undefined ? 'images have no more to show, or manifests no more to offer' : outgrown;
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
      const outcome = await tried(search, { ...(inputSize === undefined ? {} : { inputSize }), batchSize }, 3);
      const speed = outcome.kind === 'measured' ? batchSize / outcome.stepSeconds : 0;
      if (outcome.kind !== 'measured') failed = outcome;
      trials.push({ batchSize, fits: outcome.kind === 'measured', imagesPerSecond: speed });
      continue;
    }
    const { chosen, because } = move;
    const size = manifest.spec.input.size === AUTO ? (inputSize ?? 0) : manifest.spec.input.size;
    if (chosen === undefined) throw nothingFits(search, size, 1, failed);
    const why = {
      memory: failed?.kind === 'too-slow' ? TOO_SLOW : `the next does not fit ${usable(search)}`,
      images: 'no fold has images for more, or manifests offer no more',
      speed: 'the next is not 5 % faster for an image',
    };
    log(`training.batchSize: ${chosen} (${why[because]})`);
    return chosen;
  }
}
