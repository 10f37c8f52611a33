/** One side of the step benchmark, in a process of its own: carpal's training step as `fold` runs it. Prints what pytorch_step.py prints. */
import { openTrainingEngine } from '@carpal/trainer/engine/open-engine.ts';
import type { StepBatch } from '@carpal/trainer/engine/step.ts';
import { buildModel } from '@carpal/trainer/models/registry.ts';
import { randomFor } from '@carpal/trainer/random.ts';
import { isEnough } from './effort.ts';
import type { StepRequest } from './step.ts';

const request = JSON.parse(process.argv[2] ?? '{}') as StepRequest;
const { network, size, count, classes, precision, warmup, effort } = request;

function randomBatch(): StepBatch {
  const random = randomFor(1, 'batch');
  const images = Float32Array.from({ length: count * size * size }, () => random.next());
  const targets = Uint8Array.from({ length: images.length * classes }, () => (random.next() < 0.5 ? 0 : 255));
  return { images, targets, count, size };
}

const model = buildModel({ name: network, classes, seed: 0 });
const losses = [
  { name: 'Dice', weight: 0.9 },
  { name: 'BCE', weight: 0.1 },
] as const;
const settings = { model, losses, optimizer: { name: 'AdamW', weightDecay: 1e-4 }, precision } as const;
const { step } = openTrainingEngine(settings, 'graph', (line) => process.stderr.write(`${line}\n`));
const batch = randomBatch();
for (let index = 0; index < warmup; index++) step.run(batch, 1e-3);
const seconds: number[] = [];
while (!isEnough(seconds, effort)) {
  const start = performance.now();
  step.run(batch, 1e-3);
  seconds.push((performance.now() - start) / 1000);
}
const { parameterCount: parameters } = model;
process.stdout.write(`${JSON.stringify({ seconds, items: count, peakMb: process.resourceUsage().maxRSS / 1000, parameters })}\n`);
