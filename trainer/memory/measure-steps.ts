import { randomFor } from '@carpal/masks/random.ts';
import { hasGpu } from '../engine/graph/native-binding.ts';
import type { TrainingEngine } from '../engine/open-engine.ts';
import { encodeSafetensors } from '../engine/safetensors.ts';
import type { StepBatch } from '../engine/step.ts';
import { engineOf, modelOf } from '../train/training-engine.ts';
import { BATCHES_HELD, estimateMemoryMb, judgeEstimate } from './memory-estimate.ts';
import { processMemoryMb } from './process-memory.ts';
import { timeSteps, trialAccumulate } from './time-steps.ts';
import { fittingSizes } from './too-large.ts';
import type { Foretold, Measured, TrialRequest } from './trial.ts';

/** So many values are random; what a step takes does not depend on them. */
const RANDOM_VALUES = 4096;

function someBatch(count: number, size: number, classes: number, index: number): StepBatch {
  const random = randomFor(index, 'trial');
  const values = Float32Array.from({ length: RANDOM_VALUES }, () => random.next());
  const images = new Float32Array(count * size * size);
  for (let start = 0; start < images.length; start += values.length) images.set(values.subarray(0, images.length - start), start);
  // Written, and not left to be zero, so that it is memory and not a promise of memory.
  const targets = new Uint8Array(images.length * classes).fill(index % 2 === 0 ? 255 : 1);
  return { images, targets, count, size };
}

/** The most memory that this process has held. Linux counts it from the program's start; elsewhere a parent may be counted in. */
function peakMemoryMb(): number {
  return processMemoryMb('self', 'VmHWM') ?? process.resourceUsage().maxRSS / 1024;
}

/** What the recorded step tells before it is run; undefined where it tells nothing. */
function foretell({ spec, classes }: TrialRequest, engine: TrainingEngine, sizeMultiple: number, limitMb: number): Foretold | undefined {
  if (hasGpu()) return undefined;
  const { size } = spec.input;
  const { batchSize } = spec.training;
  const memoryMb = (count: number, side: number): number => estimateMemoryMb(engine.foretellMemory(count, side), count, side, classes);
  const foretold = { kind: 'foretold', memoryMb: memoryMb(batchSize, size) } as const;
  // Each size that is asked about is another recording.
  if (judgeEstimate(foretold.memoryMb, limitMb) === 'begin') return foretold;
  return { ...foretold, fitting: fittingSizes({ size, batchSize, sizeMultiple }, limitMb, memoryMb) };
}

export type MeasureOptions = {
  /** Milliseconds. */
  readonly now: () => number;
  /** For what is foretold. */
  readonly limitMb: number;
  /** Called before the first step. */
  readonly onForetold: (foretold: Foretold) => void;
};

/** Does in this process what a fold does again and again: steps, a validation, a checkpoint's bytes. Throws what they throw. */
export function measureSteps(request: TrialRequest, { now, limitMb, onForetold }: MeasureOptions): Measured {
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
  const foretold = foretell(request, engine, model.sizeMultiple, limitMb);
  if (foretold) onForetold(foretold);
  batches = Array.from({ length: BATCHES_HELD }, (_, index) => someBatch(batchSize, size, classes, index));
  const { firstSeconds, stepSeconds } = timeSteps((index) => engine.step.run(batch(index), rate), { steps, accumulate, now });
  encodeSafetensors(engine.step.readState());
  engine.evaluator.run(batch(0));
  const validationStart = now();
  engine.evaluator.run(batch(1));
  const validationSecondsPerImage = (now() - validationStart) / 1000 / batchSize;
  const device = hasGpu() ? 'gpu' : 'cpu';
  engine.dispose();
  model.dispose();
  return {
    kind: 'measured',
    peakMemoryMb: Math.ceil(peakMemoryMb()),
    firstStepSeconds: openSeconds + firstSeconds,
    stepSeconds,
    validationSecondsPerImage,
    device,
  };
}
