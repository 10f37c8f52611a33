import { randomFor } from '@carpal/masks/random.ts';
import { openTrainingEngine } from '@carpal/trainer/engine/open-engine.ts';
import type { StepBatch } from '@carpal/trainer/engine/step.ts';
import { buildModel } from '@carpal/trainer/models/registry.ts';

/** What is trained, and on how much. */
export type BenchStepRequest = {
  readonly network: string;
  readonly size: number;
  readonly count: number;
  readonly classes: number;
  readonly precision: 'float32' | 'bfloat16';
};

/** A training step as `fold` runs it, recorded, on a batch of random numbers that is the same each time. */
export type BenchStep = { readonly run: () => void; readonly parameters: number };

function randomBatch({ count, size, classes }: BenchStepRequest): StepBatch {
  const random = randomFor(1, 'batch');
  const images = Float32Array.from({ length: count * size * size }, () => random.next());
  const targets = Uint8Array.from({ length: images.length * classes }, () => (random.next() < 0.5 ? 0 : 255));
  return { images, targets, count, size };
}

export function openBenchStep(request: BenchStepRequest): BenchStep {
  const { network: name, classes, precision } = request;
  const model = buildModel({ name, classes, seed: 0 });
  const losses = [
    { name: 'Dice', weight: 0.9 },
    { name: 'BCE', weight: 0.1 },
  ] as const;
  const settings = { model, losses, optimizer: { name: 'AdamW', weightDecay: 1e-4 }, precision } as const;
  const { step } = openTrainingEngine(settings, (line) => process.stderr.write(`${line}\n`));
  const batch = randomBatch(request);
  return { run: () => void step.run(batch, 1e-3), parameters: model.parameterCount };
}
