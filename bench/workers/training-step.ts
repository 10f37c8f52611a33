/** A recorded training step of carpal, as `fold` runs it. */
import { randomFor } from '@carpal/masks/random.ts';
import { buildModel } from '@carpal/trainer/models/registry.ts';
import type { StepBatch } from '@carpal/trainer/step/step.ts';
import { openTrainingEngine } from '@carpal/trainer/step/training-engine.ts';

/** What is trained, and on how many images. */
export type StepRequest = {
  readonly network: string;
  /** Side of the images in pixels. */
  readonly size: number;
  /** Images per batch. */
  readonly count: number;
  readonly classes: number;
  readonly precision: 'float32' | 'bfloat16';
};

type Training = ReturnType<typeof openTrainingEngine> & { readonly parameters: number };

/** The engine of a network with the loss and the optimizer that both sides of a comparison use. Warnings go to standard error. */
export function openTraining({ network, classes, precision }: Pick<StepRequest, 'network' | 'classes' | 'precision'>): Training {
  const model = buildModel({ name: network, classes, seed: 0 });
  const losses = [
    { name: 'Dice', weight: 0.9 },
    { name: 'BCE', weight: 0.1 },
  ] as const;
  const settings = { model, losses, optimizer: { name: 'AdamW', weightDecay: 1e-4 }, precision } as const;
  const engine = openTrainingEngine(settings, (line) => process.stderr.write(`${line}\n`));
  return { ...engine, parameters: model.parameterCount };
}

function randomBatch({ count, size, classes }: StepRequest): StepBatch {
  const random = randomFor(1, 'batch');
  const images = Float32Array.from({ length: count * size * size }, () => random.next());
  const targets = Uint8Array.from({ length: images.length * classes }, () => (random.next() < 0.5 ? 0 : 255));
  return { images, targets, count, size };
}

/** A step on a batch of random numbers, which is the same every time. */
export function openStep(request: StepRequest): { readonly run: () => void; readonly parameters: number } {
  const { step, parameters } = openTraining(request);
  const batch = randomBatch(request);
  return { run: () => void step.run(batch, 1e-3), parameters };
}
