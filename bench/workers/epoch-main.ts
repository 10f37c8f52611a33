/** carpal's side of the epoch cases, in its own process: batches, steps and validation as `fold` runs them. */

import { openPrepared } from '@carpal/report/dataset/prepared-set.ts';
import { openBatches } from '@carpal/trainer/data/batches.ts';
import { DiceThread } from '@carpal/trainer/train/dice-thread.ts';
import { validate } from '@carpal/trainer/train/validate.ts';
import type { EpochRequest } from '../cases/epoch.ts';
import { openTraining } from './training-step.ts';

const request = JSON.parse(process.argv[2] ?? '{}') as EpochRequest;
const { network, count, training, validation, repetitions } = request;
const prepared = await openPrepared(request.prepared);
const { size } = prepared;
const classes = prepared.classes.length;
const samplesOf = (names: readonly string[]) => prepared.samples.filter(({ imageName }) => names.includes(imageName));

const { step, evaluator } = openTraining({ network, classes, precision: 'float32' });
const dices = new DiceThread({ preparedFolder: prepared.folder, size, classes, threshold: 0.5 });

async function runEpoch(epoch: number, train: readonly string[], validated: readonly string[]): Promise<void> {
  const samples = samplesOf(train);
  const batches = openBatches({ prepared: prepared.folder, samples, batchSize: count, classes, seed: 1, epoch });
  for await (const batch of batches) {
    const { images, targets } = batch;
    step.run({ images, targets, count: batch.samples.length, size }, 1e-3);
  }
  const source = {
    preparedFolder: prepared.folder,
    samples: samplesOf(validated),
    classes,
    size,
    batchSize: count,
    seed: 1,
    targets: 'area' as const,
  };
  const found = await validate(source, evaluator, dices, new AbortController().signal);
  if (!found || !Number.isFinite(found.loss)) throw new Error('the validation found nothing');
}

// A warm-up epoch, in which graphs are recorded.
await runEpoch(0, training, validation);
const seconds: number[] = [];
for (let epoch = 1; epoch <= repetitions; epoch++) {
  const start = performance.now();
  await runEpoch(epoch, training, validation);
  seconds.push((performance.now() - start) / 1000);
}
await dices.close();
const items = training.length + validation.length;
process.stdout.write(`${JSON.stringify({ seconds, items, peakMb: process.resourceUsage().maxRSS / 1000 })}\n`);
