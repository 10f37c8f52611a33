import { describe, expect, it } from 'vitest';
import { type Operation, relativeDifference, slopes, spreadValues } from '../engine/ops/check-gradients.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { lossOf, lossValueOf, type WeightedLoss } from './losses.ts';

const SHAPE = [2, 3, 4, 3] as const;
const logits = () => tf.mul(spreadValues(SHAPE, 1), 6) as Tensor4D;
const targets = () => tf.mul(tf.add(spreadValues(SHAPE, 2), 1), 0.5) as Tensor4D;
const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

/** Value and gradient of each loss, written from its definition in double precision. */
const byDefinition = {
  BCE: (z: number[], y: number[]) => ({
    value:
      z.reduce(
        (sum, logit, i) => sum - (y[i] as number) * Math.log(sigmoid(logit)) - (1 - (y[i] as number)) * Math.log(1 - sigmoid(logit)),
        0,
      ) / z.length,
  }),
  Dice: (z: number[], y: number[]) => {
    let total = 0;
    for (const image of [0, 1]) {
      for (const channel of [0, 1, 2]) {
        const pixels = z.map((_, i) => i).filter((i) => Math.floor(i / 36) === image && i % 3 === channel);
        const both = pixels.reduce((sum, i) => sum + sigmoid(z[i] as number) * (y[i] as number), 0);
        const each = pixels.reduce((sum, i) => sum + sigmoid(z[i] as number) + (y[i] as number), 0);
        total += 1 - (2 * both + 1) / (each + 1);
      }
    }
    return { value: total / 6 };
  },
};

const rows: { name: string; losses: WeightedLoss[] }[] = [
  { name: 'BCE', losses: [{ name: 'BCE', weight: 1 }] },
  { name: 'Dice', losses: [{ name: 'Dice', weight: 1 }] },
  { name: '0.9 Dice + 0.1 BCE', losses: [{ name: 'Dice', weight: 0.9 }, { name: 'BCE', weight: 0.1 }] }, // biome-ignore format: a row
];

describe('losses', () => {
  it.each(rows)('$name has the value of its definition, with and without a gradient', ({ losses }) => {
    tf.tidy(() => {
      const [z, y] = [[...logits().dataSync()], [...targets().dataSync()]];
      const expected = losses.reduce((sum, { name, weight }) => sum + weight * byDefinition[name](z, y).value, 0);
      expect(lossOf(losses)(logits(), targets()).dataSync()[0]).toBeCloseTo(expected, 5);
      expect(lossValueOf(losses)(logits(), targets()).dataSync()[0]).toBeCloseTo(expected, 5);
    });
  });

  it.each(rows)('$name has the gradient that central differences show', ({ losses }) => {
    tf.tidy(() => {
      const y = targets();
      const scaled: Operation = (z) => tf.mul(lossOf(losses)(z as Tensor4D, y), 100);
      for (const { byGradient, byDifference } of slopes(scaled, [logits()])) {
        expect(Math.abs(byGradient - byDifference)).toBeLessThan(0.01 * Math.max(0.5, Math.abs(byGradient)));
      }
    });
  });

  it('BCE has the gradient (σ(z) − y)/n', () => {
    tf.tidy(() => {
      const y = targets();
      const gradient = tf.grad((z) => lossOf([{ name: 'BCE', weight: 1 }])(z as Tensor4D, y))(logits());
      const [values, wanted] = [[...logits().dataSync()], [...y.dataSync()]];
      const expected = values.map((z, i) => (sigmoid(z) - (wanted[i] as number)) / values.length);
      expect(relativeDifference(gradient.dataSync(), expected)).toBeLessThan(1e-5);
    });
  });

  it('stays finite for logits far out, and is zero there where they are right', () => {
    tf.tidy(() => {
      const far = tf.tensor4d([1e4, -1e4, 1e4, -1e4], [1, 2, 2, 1]);
      const losses = lossOf([{ name: 'BCE', weight: 1 }]);
      expect(losses(far, tf.tensor4d([1, 0, 1, 0], [1, 2, 2, 1])).dataSync()[0]).toBe(0);
      expect(losses(far, tf.tensor4d([0, 0, 1, 0], [1, 2, 2, 1])).dataSync()[0]).toBe(2500);
    });
  });

  it('Dice counts a class that is absent and not predicted as right', () => {
    tf.tidy(() => {
      const loss = lossOf([{ name: 'Dice', weight: 1 }])(tf.fill([1, 4, 4, 1], -30), tf.zeros([1, 4, 4, 1]));
      expect(loss.dataSync()[0]).toBeCloseTo(0, 6);
    });
  });
});
