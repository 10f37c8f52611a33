/** carpal's side of the epoch benchmark, in a process of its own: batches, steps and validation as `fold` runs them. */
import { openBatches } from '@carpal/trainer/data/batches.ts';
import { openPrepared } from '@carpal/report/dataset/prepared-set.ts';
import { openTrainingEngine } from '@carpal/trainer/engine/open-engine.ts';
import { buildModel } from '@carpal/trainer/models/registry.ts';
import { DiceThread } from '@carpal/trainer/train/dice-thread.ts';
import { validate } from '@carpal/trainer/train/validate.ts';
import type { EpochRequest } from '../cases/epoch.ts';

const request = JSON.parse(process.argv[2] ?? '{}') as EpochRequest;
const { network, count, training, validation, repetitions } = request;
const prepared = await openPrepared(request.prepared);
const { size } = prepared;
const classes = prepared.classes.length;
const samplesOf = (names: readonly string[]) => prepared.samples.filter(({ imageName }) => names.includes(imageName));

const losses = [
  { name: 'Dice', weight: 0.9 },
  { name: 'BCE', weight: 0.1 },
] as const;
const model = buildModel({ name: network, classes, seed: 0 });
const settings = { model, losses, optimizer: { name: 'AdamW', weightDecay: 1e-4 } } as const;
const { step, evaluator } = openTrainingEngine(settings, (line) => process.stderr.write(`${line}\n`));
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

// A whole epoch that does not count: graphs are recorded in it.
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
