import { randomFor } from '@carpal/masks/random.ts';
import { describe, expect, it } from 'vitest';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { readWeights, writeWeights } from '../models/weights.ts';
import type { StepBatch } from './step.ts';
import { createEagerStep } from './testing/eager-step.ts';
import { buildSmall, SMALL_NETWORKS } from './testing/small-networks.ts';
import { createTrainingStep } from './training-step.ts';

const CLASSES = 3;

function batchOf(size: number): StepBatch {
  const random = randomFor(7, 'batch');
  const images = Float32Array.from({ length: 2 * size * size }, () => random.next());
  const targets = Uint8Array.from({ length: images.length * CLASSES }, (_, at) =>
    (images[Math.floor(at / CLASSES)] ?? 0) > 0.5 ? 255 : 0,
  );
  return { images, targets, count: 2, size };
}

/** The values in bfloat16: the upper half of each number's bits, rounded to even. */
function rounded(values: Float32Array): Float32Array {
  const words = new Uint32Array(Float32Array.from(values).buffer);
  for (const [index, word] of words.entries()) words[index] = (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000;
  return new Float32Array(words.buffer);
}

const ofKernels = (state: NamedArrays, what: string): NamedArrays =>
  new Map([...state].filter(([name]) => name.startsWith(what) && name.endsWith('/kernel')));

/** ‖a − b‖ / ‖a‖ over the arrays of two states as one vector. */
function distance(a: NamedArrays, b: NamedArrays): number {
  const sum = (of: (value: number, other: number) => number): number =>
    [...a].reduce(
      (total, [name, { data }]) => data.reduce((all, value, at) => all + of(value, b.get(name)?.data[at] ?? Number.NaN), total),
      0,
    );
  return Math.sqrt(sum((value, other) => (value - other) ** 2) / sum((value) => value ** 2));
}

/** The first form of each network. */
const NETWORKS = SMALL_NETWORKS.filter(([name], index) => SMALL_NETWORKS.findIndex((row) => row[0] === name) === index);

describe.each(NETWORKS)('a bfloat16 step of %s with %o', (name, options) => {
  /** The loss of one step on a batch, and AdamW's means, which are a tenth of the gradients of all kernels. */
  function step(
    create: typeof createTrainingStep | typeof createEagerStep,
    precision: 'float32' | 'bfloat16',
    given = (x: Float32Array) => x,
  ) {
    const model = buildSmall(name, { options, classes: CLASSES, seed: 3 });
    const weights = readWeights(model);
    for (const [key, { shape, data }] of ofKernels(weights, 'model/')) weights.set(key, { shape, data: given(data) });
    writeWeights(model, weights);
    const batch = batchOf(Math.max(32, 2 * model.sizeMultiple));
    const losses = [{ name: 'Dice', weight: 1 }, { name: 'BCE', weight: 1 }] as const; // biome-ignore format: a list of two
    const training = create({ model, losses, optimizer: { name: 'AdamW', weightDecay: 0 }, precision, seed: 5 });
    try {
      const loss = training.run({ ...batch, images: given(batch.images) }, 1e-3);
      return { loss, gradients: ofKernels(training.readState(), 'optimizer/mean/') };
    } finally {
      training.dispose();
      model.dispose();
    }
  }

  it('differs from float32 about as much as a float32 step with rounded weights and images does', () => {
    const float32 = step(createEagerStep, 'float32');
    const bfloat16 = step(createTrainingStep, 'bfloat16');
    // Fifty normalisations amplify a rounded weight into a very different gradient. The size of that effect in float32 is the tolerance of
    // each network.
    const near = step(createEagerStep, 'float32', rounded);
    expect(Math.abs(bfloat16.loss / float32.loss - 1)).toBeLessThan(0.01);
    expect(distance(float32.gradients, bfloat16.gradients)).toBeLessThan(0.01 + 3 * distance(float32.gradients, near.gradients));
    // Even if the whole gradient differs much, the gradient of the last layer must be accurate: the backward pass computes it first.
    const last = new Map([...float32.gradients].slice(-1));
    expect(distance(last, bfloat16.gradients)).toBeLessThan(0.1 + 3 * distance(last, near.gradients));
  }, 120_000);
});
