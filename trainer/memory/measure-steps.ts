import type { CropSpec } from '@carpal/configs/schema/experiment.ts';
import { cropWindow } from '@carpal/configs/schema/options.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { hasGpu } from '../engine/graph/native-binding.ts';
import { encodeSafetensors } from '../engine/safetensors.ts';
import { WindowMean } from '../infer/windows.ts';
import type { StepBatch } from '../step/step.ts';
import type { TrainingEngine } from '../step/training-engine.ts';
import { engineOf, modelOf } from '../step/training-engine.ts';
import { BATCHES_HELD, compareWithLimit, estimateMemoryMb, fittingSizes } from './estimate.ts';
import { processMemoryMb } from './process-memory.ts';
import type { Measured, StepEstimate, TrialRequest } from './trial.ts';

export type MeasureOptions = {
  /** Milliseconds. */
  readonly now: () => number;
  /** The limit that the estimate is compared with. */
  readonly limitMb: number;
  /** Called before the first step. */
  readonly onEstimate: (estimate: StepEstimate) => void;
  /** Called when the network is built, and after each step and validation. */
  readonly onAdvance: () => void;
};

/**
 * Runs the repeated work of a fold in this process: training steps, a validation, and encoding a checkpoint. Throws the errors of this
 * work.
 */
export function measureSteps(request: TrialRequest, { now, limitMb, onEstimate, onAdvance }: MeasureOptions): Measured {
  const { spec, classes, steps } = request;
  const { size } = spec.input;
  const { batchSize, accumulate } = spec.training;
  let batches: readonly StepBatch[] = [];
  const batch = (index: number): StepBatch => batches[index % BATCHES_HELD] as StepBatch;
  const rate = spec.optimizer.learningRate;
  const start = now();
  const model = modelOf(spec, classes);
  const training = { ...spec.training, accumulate: trialAccumulate(accumulate) };
  const engine = engineOf({ ...spec, training }, model, () => undefined);
  const openSeconds = (now() - start) / 1000;
  onAdvance();
  const estimate = estimateStep(request, engine, model.sizeMultiple, limitMb);
  if (estimate) onEstimate(estimate);
  batches = Array.from({ length: BATCHES_HELD }, (_, index) => randomBatch(batchSize, size, classes, index));
  const step = (index: number): void => {
    engine.step.run(batch(index), rate);
    onAdvance();
  };
  const { firstSeconds, stepSeconds } = timeSteps(step, { steps, accumulate, now });
  encodeSafetensors(engine.step.readState());
  engine.evaluator.run(batch(0));
  onAdvance();
  const validationStart = now();
  engine.evaluator.run(batch(1));
  const validationSecondsPerInput = (now() - validationStart) / 1000 / batchSize;
  const windows = spec.input.crop ? touchedMaps(spec.input.crop, classes) : 1;
  const device = hasGpu() ? 'gpu' : 'cpu';
  engine.dispose();
  model.dispose();
  return {
    kind: 'measured',
    peakMemoryMb: Math.ceil(peakMemoryMb()),
    firstStepSeconds: openSeconds + firstSeconds,
    stepSeconds,
    validationSecondsPerImage: validationSecondsPerInput * windows,
    device,
  };
}

/** The memory estimate of the recorded step. Undefined on a GPU, for which there is no estimate. */
function estimateStep(
  { spec, classes }: TrialRequest,
  engine: TrainingEngine,
  sizeMultiple: number,
  limitMb: number,
): StepEstimate | undefined {
  if (hasGpu()) return undefined;
  const { size } = spec.input;
  const { batchSize } = spec.training;
  const memoryMb = (count: number, side: number): number => estimateMemoryMb(engine.estimateMemory(count, side), count, side, classes);
  const estimate = { kind: 'estimate', memoryMb: memoryMb(batchSize, size) } as const;
  // The search for fitting sizes records the step again for each size, so it is done only if needed.
  if (compareWithLimit(estimate.memoryMb, limitMb) === 'fits') return estimate;
  return { ...estimate, fitting: fittingSizes({ size, batchSize, sizeMultiple }, limitMb, memoryMb) };
}

/**
 * Allocates the logit maps of whole images that a validation with windows holds, so that the peak memory includes them. Returns the number
 * of windows of one image.
 */
function touchedMaps({ size, imageSize }: CropSpec, classes: number): number {
  const mean = new WindowMean(imageSize, cropWindow(size), classes);
  // The system allocates memory only when it is written. The copy is what the thread that compares masks gets.
  mean.logits.fill(1);
  mean.logits.slice();
  return mean.places.length;
}

/** Number of random values; the rest repeats them, because the time and memory of a step do not depend on values. */
const RANDOM_VALUES = 4096;

function randomBatch(count: number, size: number, classes: number, index: number): StepBatch {
  const random = randomFor(index, 'trial');
  const values = Float32Array.from({ length: RANDOM_VALUES }, () => random.next());
  const images = new Float32Array(count * size * size);
  for (let start = 0; start < images.length; start += values.length) images.set(values.subarray(0, images.length - start), start);
  // Filled with values other than zero, because the system allocates memory only when it is written.
  const targets = new Uint8Array(images.length * classes).fill(index % 2 === 0 ? 255 : 1);
  return { images, targets, count, size };
}

/** Peak memory of this process. Linux counts from the start of the program; other systems may include the parent process. */
function peakMemoryMb(): number {
  return processMemoryMb('self', 'VmHWM') ?? process.resourceUsage().maxRSS / 1024;
}

/**
 * The gradient accumulation of a trial for a fold with `accumulate` batches. There are only two kinds of steps: one accumulates, the other
 * updates the weights. A step needs the same memory for any number of batches, so two batches are enough.
 */
export function trialAccumulate(accumulate: number): number {
  return Math.min(accumulate, 2);
}

export type Timing = {
  /** Number of timed steps after the first, rounded up to whole windows of {@link trialAccumulate} batches. */
  readonly steps: number;
  /** Gradient accumulation of the fold. */
  readonly accumulate: number;
  /** Milliseconds. */
  readonly now: () => number;
};

export type StepSeconds = {
  /** Total time of the first step of each kind. */
  readonly firstSeconds: number;
  /** Mean time per batch over an accumulation window of the fold, from the median of each kind of step. */
  readonly stepSeconds: number;
};

/** Times `run`, which does the step of the batch with the given index on an engine that accumulates {@link trialAccumulate} batches. */
export function timeSteps(run: (index: number) => void, { steps, accumulate, now }: Timing): StepSeconds {
  const window = trialAccumulate(accumulate);
  const windows = Math.ceil(steps / window);
  const seconds = Array.from({ length: (1 + windows) * window }, (_, index) => {
    const start = now();
    run(index);
    return (now() - start) / 1000;
  });
  const timed = seconds.slice(window);
  const updating = median(timed.filter((_, index) => index % window === window - 1));
  const accumulating = median(timed.filter((_, index) => index % window !== window - 1));
  return {
    firstSeconds: seconds.slice(0, window).reduce((sum, value) => sum + value, 0),
    stepSeconds: ((accumulate - 1) * accumulating + updating) / accumulate,
  };
}

/** 0 for an empty list. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}
