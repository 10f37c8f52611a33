/**
 * A process that trains a small network on batches `from` … `to` of a fixed sequence. It starts from the state in the file `load`, if
 * given, and writes its final state to the file `save`. Prints the losses.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { randomFor } from '@carpal/masks/random.ts';
import { decodeSafetensors, encodeSafetensors } from '../../engine/safetensors.ts';
import { buildModel } from '../../models/registry.ts';
import type { StepBatch } from '../step.ts';
import { createTrainingStep } from '../training-step.ts';

export type SomeSteps = { readonly from: number; readonly to: number; readonly load?: string; readonly save: string };

const CLASSES = 5;
const SIZE = 32;
const COUNT = 2;

function batchOf(index: number): StepBatch {
  const random = randomFor(7, 'batch', index);
  const images = Float32Array.from({ length: COUNT * SIZE * SIZE }, () => random.next());
  const targets = Uint8Array.from({ length: images.length * CLASSES }, () => Math.round(random.next() * 255));
  return { images, targets, count: COUNT, size: SIZE };
}

const { from, to, load, save } = JSON.parse(process.argv[2] ?? '{}') as SomeSteps;
// Each process has other initial weights, so a resumed training must use the weights of the file.
const model = buildModel({ name: 'SlimUNet', options: { width: 4, depth: 3 }, classes: CLASSES, seed: from });
const losses = [
  { name: 'Dice', weight: 0.9 },
  { name: 'BCE', weight: 0.1 },
] as const;
const step = createTrainingStep({ model, losses, optimizer: { name: 'AdamW', weightDecay: 1e-2 } });
if (load !== undefined) step.writeState(decodeSafetensors(readFileSync(load)).arrays);
const lossOfSteps: number[] = [];
for (let index = from; index < to; index++) lossOfSteps.push(step.run(batchOf(index), 1e-3));
writeFileSync(save, encodeSafetensors(step.readState()));
process.stdout.write(`${JSON.stringify(lossOfSteps)}\n`);
