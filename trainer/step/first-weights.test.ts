import { randomFor } from '@carpal/masks/random.ts';
import { describe, expect, it } from 'vitest';
import { tf } from '../engine/tensorflow.ts';
import { buildModel } from '../models/registry.ts';
import type { StepBatch } from './step.ts';
import { openTrainingEngine } from './training-engine.ts';

const SIZE = 32;
const CLASSES = 12;
/** The first classes are large. */
const LARGE = 2;

/** Bright squares on a dark, noisy ground, one of each class: two large ones in the lower half, small ones in two rows above them. */
function squares(seed: number, count: number): StepBatch {
  const random = randomFor(seed, 'squares');
  const images = Float32Array.from({ length: count * SIZE * SIZE }, () => random.next() * 0.1);
  const targets = new Uint8Array(images.length * CLASSES);
  for (let image = 0; image < count; image++) {
    for (let index = 0; index < CLASSES; index++) {
      const isLarge = index < LARGE;
      const small = index - LARGE;
      const [side, slack] = isLarge ? [10, 4] : [3, 3];
      const left = (isLarge ? 2 + index * 16 : 1 + (small % 5) * 6) + random.integer(slack);
      const top = (isLarge ? 19 : 2 + Math.floor(small / 5) * 8) + random.integer(slack);
      for (let y = top; y < top + side; y++) {
        for (let x = left; x < left + side; x++) {
          const at = (image * SIZE + y) * SIZE + x;
          images[at] = (images[at] ?? 0) + 0.5;
          targets[at * CLASSES + index] = 255;
        }
      }
    }
  }
  return { images, targets, count, size: SIZE };
}

/** The number of classes with a Dice under 0.05 after a training with the original's losses. */
function deadAfterTraining(head?: { readonly kernel: number; readonly bias: number }): number {
  const model = buildModel({ name: 'SlimUNet', options: { width: 8, depth: 4 }, classes: CLASSES, seed: 1 });
  if (head) {
    for (const { name, variable } of model.variables) {
      if (name === 'head/kernel') tf.tidy(() => variable.assign(tf.mul(variable, head.kernel)));
      if (name === 'head/bias') tf.tidy(() => variable.assign(tf.fill(variable.shape, head.bias)));
    }
  }
  const global = { reduction: 'global' } as const;
  const losses = [
    { name: 'Dice', weight: 0.9 },
    { name: 'IoU', weight: 0.9, ...global },
    { name: 'BCE', weight: 0.1 },
    { name: 'FocalTversky', weight: 0.3, ...global },
  ] as const;
  const engine = openTrainingEngine({ model, losses, optimizer: { name: 'AdamW', weightDecay: 1e-4 } }, () => undefined);
  for (let step = 0; step < 300; step++) engine.step.run(squares(step, 2), 3e-3);
  const test = squares(999_999, 6);
  const { logits } = engine.evaluator.run(test);
  const [both, all] = [new Float64Array(CLASSES), new Float64Array(CLASSES)];
  for (const [at, logit] of logits.entries()) {
    const [isFound, isTrue] = [logit > 0, test.targets[at] === 255];
    const index = at % CLASSES;
    both[index] = (both[index] ?? 0) + Number(isFound && isTrue);
    all[index] = (all[index] ?? 0) + Number(isFound) + Number(isTrue);
  }
  engine.dispose();
  model.dispose();
  return both.filter((value, index) => (2 * value) / (all[index] ?? 1) < 0.05).length;
}

describe("a training with the original's losses", () => {
  // PyTorch's own first weights leave 1 to 4 classes undetected here, those of the heads 1 to 4 too (four seeds each).
  it('finds at least three quarters of the classes from the first weights of the heads', () => {
    expect(deadAfterTraining()).toBeLessThanOrEqual(CLASSES / 4);
  });

  it('leaves most small classes undetected from a small kernel and a bias of −4', () => {
    expect(deadAfterTraining({ kernel: 0.1, bias: -4 })).toBeGreaterThan(4);
  });
});
