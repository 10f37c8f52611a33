import type { LossOptions } from '@carpal/configs/schema/options.ts';
import { describe, expect, it } from 'vitest';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { relativeDifference, spreadValues } from '../engine/testing/check-gradients.ts';
import { LOSSES, lossOf, lossValueOf, type WeightedLoss } from './losses.ts';

const SHAPE = [2, 3, 4, 3] as const;
/** Shifted, so that no two errors of the Lovász loss are equal. */
const logits = () => tf.add(tf.mul(spreadValues(SHAPE, 1), 6), 0.013) as Tensor4D;
const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

/** The pixels of each class of each image, or all of them as one group. */
function groups(reduction = 'perImageClass'): number[][] {
  const all = Array.from({ length: 72 }, (_, i) => i);
  if (reduction === 'global') return [all];
  return [0, 1].flatMap((image) => [0, 1, 2].map((channel) => all.filter((i) => Math.floor(i / 36) === image && i % 3 === channel)));
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const at = (values: readonly number[], i: number): number => values[i] as number;
const crossEntropy = (z: number, y: number): number => -y * Math.log(sigmoid(z)) - (1 - y) * Math.log(1 - sigmoid(z));

/** Σp·g, Σp, Σg of a group of pixels. */
function areas(z: number[], y: number[], pixels: number[]) {
  const sum = (of: (i: number) => number): number => pixels.reduce((total, i) => total + of(i), 0);
  const p = (i: number): number => sigmoid(at(z, i));
  return { both: sum((i) => p(i) * at(y, i)), found: sum(p), truth: sum((i) => at(y, i)) };
}

/** The value of each loss, written from its definition in double precision. */
const byDefinition: Record<WeightedLoss['name'], (z: number[], y: number[], options: LossOptions) => number> = {
  BCE: (z, y) => mean(z.map((logit, i) => crossEntropy(logit, at(y, i)))),
  Focal: (z, y, { alpha = 0.25, gamma = 2 }) =>
    mean(
      z.map((logit, i) => {
        const entropy = crossEntropy(logit, at(y, i));
        return (alpha * at(y, i) + (1 - alpha) * (1 - at(y, i))) * (1 - Math.exp(-entropy)) ** gamma * entropy;
      }),
    ),
  Dice: (z, y, { reduction }) =>
    mean(
      groups(reduction).map((pixels) => {
        const { both, found, truth } = areas(z, y, pixels);
        return 1 - (2 * both + 1) / (found + truth + 1);
      }),
    ),
  IoU: (z, y, { reduction }) =>
    mean(
      groups(reduction).map((pixels) => {
        const { both, found, truth } = areas(z, y, pixels);
        return 1 - (both + 1) / (found + truth - both + 1);
      }),
    ),
  FocalTversky: (z, y, { alpha = 0.3, beta = 0.7, gamma = 1.5, reduction }) =>
    mean(
      groups(reduction).map((pixels) => {
        const { both, found, truth } = areas(z, y, pixels);
        return (1 - (both + 1) / (both + 1 + alpha * (found - both) + beta * (truth - both))) ** gamma;
      }),
    ),
  Lovasz: (z, y) =>
    mean(
      groups().map((pixels) => {
        const error = (i: number): number => 1 - at(z, i) * (2 * at(y, i) - 1);
        const worst = pixels.toSorted((a, b) => error(b) - error(a));
        const area = pixels.reduce((sum, i) => sum + at(y, i), 0);
        /** The Jaccard loss if the `count` worst pixels are wrong. */
        const jaccard = (count: number): number => {
          const wrong = worst.slice(0, count);
          const missing = area - wrong.reduce((sum, i) => sum + at(y, i), 0);
          const union = area + wrong.reduce((sum, i) => sum + 1 - at(y, i), 0);
          return count === 0 ? 0 : 1 - missing / union;
        };
        return worst.reduce((sum, i, rank) => sum + Math.max(0, error(i)) * (jaccard(rank + 1) - jaccard(rank)), 0);
      }),
    ),
};

const rows: { name: string; losses: WeightedLoss[] }[] = [
  ...(Object.keys(LOSSES) as WeightedLoss['name'][]).map((name) => ({ name, losses: [{ name, weight: 1 }] })),
  ...(['Dice', 'IoU', 'FocalTversky'] as const).map((name) => ({
    name: `${name} over the whole batch`,
    losses: [{ name, weight: 1, reduction: 'global' as const }],
  })),
  ...[0, 0.5, 3].map((gamma) => ({
    name: `Focal with gamma ${gamma}`,
    losses: [{ name: 'Focal' as const, weight: 1, alpha: 0.6, gamma }],
  })),
  ...[0.75, 1, 2].map((gamma) => ({
    name: `FocalTversky with gamma ${gamma}`,
    losses: [{ name: 'FocalTversky' as const, weight: 1, alpha: 0.6, beta: 0.2, gamma }],
  })),
  {
    name: 'a sum of all',
    losses: [
      { name: 'Dice', weight: 0.9 },
      { name: 'BCE', weight: 0.1 },
      { name: 'IoU', weight: 0.5, reduction: 'global' },
      { name: 'FocalTversky', weight: 0.4 },
      { name: 'Focal', weight: 0.3 },
      { name: 'Lovasz', weight: 0.2 },
    ],
  },
];

const KINDS = [
  { kind: 'that are partly covered', targets: () => tf.mul(tf.add(spreadValues(SHAPE, 2), 1), 0.5) as Tensor4D },
  { kind: 'that are fully inside or outside', targets: () => tf.cast(tf.greater(spreadValues(SHAPE, 2), 0), 'float32') as Tensor4D },
];
const cases = rows.flatMap((row) => KINDS.map((kind) => ({ ...row, ...kind })));

describe('the loss', () => {
  it.each(cases)('$name has the value of its definition, with and without a gradient, for pixels $kind', ({ losses, targets }) => {
    tf.tidy(() => {
      const [z, y] = [[...logits().dataSync()], [...targets().dataSync()]];
      const expected = losses.reduce((sum, { name, weight, ...options }) => sum + weight * byDefinition[name](z, y, options), 0);
      expect(lossOf(losses)(logits(), targets()).dataSync()[0]).toBeCloseTo(expected, 5);
      expect(lossValueOf(losses)(logits(), targets()).dataSync()[0]).toBeCloseTo(expected, 5);
    });
  });

  it.each(cases)("$name has the gradient of its definition's differences for pixels $kind", ({ losses, targets }) => {
    tf.tidy(() => {
      const y = targets();
      const gradient = tf.grad((z) => lossOf(losses)(z as Tensor4D, y))(logits());
      const [values, wanted] = [[...logits().dataSync()], [...y.dataSync()]];
      const value = (z: number[]): number =>
        losses.reduce((sum, { name, weight, ...options }) => sum + weight * byDefinition[name](z, wanted, options), 0);
      const expected = values.map((z, i) => {
        const [above, below] = [1e-5, -1e-5].map((offset) => value(values.with(i, z + offset))) as [number, number];
        return (above - below) / 2e-5;
      });
      expect(relativeDifference(gradient.dataSync(), expected)).toBeLessThan(1e-5);
    });
  });

  const everyLoss = (Object.keys(LOSSES) as WeightedLoss['name'][]).map((name) => ({ name, gamma: undefined as number | undefined }));

  it.each([...everyLoss, { name: 'Focal' as const, gamma: 0.5 }, { name: 'FocalTversky' as const, gamma: 0.75 }])(
    '$name with gamma $gamma and its gradient are finite for extreme logits, right or wrong',
    ({ name, gamma }) => {
      tf.tidy(() => {
        const far = tf.tensor4d([1e4, -1e4, 1e4, -1e4, 100, 0, -100, 30], [1, 2, 4, 1]);
        for (const truth of [tf.step(far), tf.sub(1, tf.step(far)), tf.zerosLike(far), tf.onesLike(far)] as Tensor4D[]) {
          const loss = lossOf([{ name, weight: 1, gamma }]);
          const { value, grad } = tf.valueAndGrad((z) => loss(z as Tensor4D, truth))(far);
          expect([...value.dataSync(), ...grad.dataSync()].every(Number.isFinite)).toBe(true);
          expect(value.dataSync()[0]).toBeGreaterThanOrEqual(0);
        }
      });
    },
  );

  it.each(everyLoss)('$name is nearly zero for a correct prediction, also with an absent class', ({ name }) => {
    tf.tidy(() => {
      const truth = tf.tensor4d([1, 0, 0, 0, 1, 0, 0, 0], [1, 2, 2, 2]);
      const right = tf.mul(tf.sub(tf.mul(truth, 2), 1), 30) as Tensor4D;
      expect(lossOf([{ name, weight: 1 }])(right, truth).dataSync()[0]).toBeLessThan(1e-6);
    });
  });

  it('BCE adds extreme errors exactly', () => {
    tf.tidy(() => {
      const far = tf.tensor4d([1e4, -1e4, 1e4, -1e4], [1, 2, 2, 1]);
      const losses = lossOf([{ name: 'BCE', weight: 1 }]);
      expect(losses(far, tf.tensor4d([1, 0, 1, 0], [1, 2, 2, 1])).dataSync()[0]).toBe(0);
      expect(losses(far, tf.tensor4d([0, 0, 1, 0], [1, 2, 2, 1])).dataSync()[0]).toBe(2500);
    });
  });

  it('Lovasz counts only the worst pixel of an absent class', () => {
    tf.tidy(() => {
      const loss = lossOf([{ name: 'Lovasz', weight: 1 }])(tf.tensor4d([0.5, 2, -3, 1], [1, 2, 2, 1]), tf.zeros([1, 2, 2, 1]));
      expect(loss.dataSync()[0]).toBeCloseTo(3, 4);
    });
  });

  it('Lovasz sorts as many pixels as an image has', () => {
    tf.tidy(() => {
      // One class covers the left half of the image. Its right half is predicted wrong by the same margin: half of the class is missing.
      const columns = tf.range(0, 256);
      const truth = tf.tile(tf.reshape(tf.cast(tf.less(columns, 128), 'float32'), [1, 1, 256, 1]), [1, 256, 1, 1]) as Tensor4D;
      const z = tf.tile(tf.reshape(tf.sub(1, tf.mul(tf.cast(tf.greaterEqual(columns, 64), 'float32'), 2)), [1, 1, 256, 1]), [1, 256, 1, 1]);
      expect(lossOf([{ name: 'Lovasz', weight: 1 }])(z as Tensor4D, truth).dataSync()[0]).toBeCloseTo(2 * 0.5, 5);
    });
  });
});
