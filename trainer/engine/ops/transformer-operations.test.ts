import { describe, expect, it } from 'vitest';
import { type Tensor, type Tensor4D, tf } from '../tensorflow.ts';
import { gradientsOf, type Operation, relativeDifference, slopes, spreadValues } from '../testing/check-gradients.ts';
import { starRelu } from './activations.ts';
import { attention } from './attention.ts';
import { depthwiseConv } from './depthwise-conv.ts';
import { keptFactors } from './dropout.ts';
import { layerNorm } from './layer-norm.ts';
import { linear } from './linear.ts';

type Row = { name: string; shapes: number[][]; fast: Operation; plain: Operation };

const given = (x: Tensor | undefined): Tensor => x as Tensor;
const four = (x: Tensor | undefined): Tensor4D => x as Tensor4D;

const normalizedWith =
  (epsilon: number): Operation =>
  (x, gamma, beta) => {
    const { mean, variance } = tf.moments(given(x), -1, true);
    const normal = tf.mul(tf.div(tf.sub(given(x), mean), tf.sqrt(tf.add(variance, epsilon))), given(gamma));
    return beta ? tf.add(normal, beta) : normal;
  };
const normalized = normalizedWith(1e-6);

const scores = (q: Tensor | undefined, k: Tensor | undefined): Tensor =>
  tf.softmax(tf.div(tf.matMul(given(q), given(k), false, true), Math.sqrt(3)));
const dropped = () => ({ rate: 0.4, seed: tf.tensor1d([1, 2], 'int32'), place: 3 });

const rows: Row[] = [
  {
    name: 'linear map with bias',
    shapes: [[2, 3, 5], [5, 4], [4]],
    fast: (x, kernel, bias) => linear(given(x), given(kernel), bias),
    plain: (x, kernel, bias) => tf.add(tf.reshape(tf.matMul(tf.reshape(given(x), [6, 5]), given(kernel)), [2, 3, 4]), given(bias)),
  },
  {
    name: 'linear map without bias',
    shapes: [
      [6, 5],
      [5, 4],
    ],
    fast: (x, kernel) => linear(given(x), given(kernel)),
    plain: (x, kernel) => tf.matMul(given(x), given(kernel)),
  },
  {
    name: 'layer normalisation',
    shapes: [[2, 3, 3, 6], [6], [6]],
    fast: (x, gamma, beta) => layerNorm(given(x), given(gamma), given(beta)),
    plain: normalized,
  },
  {
    name: 'layer normalisation without bias',
    shapes: [[4, 6], [6]],
    fast: (x, gamma) => layerNorm(given(x), given(gamma)),
    plain: normalized,
  },
  {
    name: 'layer normalisation with another epsilon',
    shapes: [[4, 6], [6], [6]],
    fast: (x, gamma, beta) => layerNorm(given(x), given(gamma), given(beta), 0.1),
    plain: normalizedWith(0.1),
  },
  {
    name: 'attention',
    shapes: [
      [2, 2, 5, 3],
      [2, 2, 4, 3],
      [2, 2, 4, 3],
    ],
    fast: (q, k, v) => attention(four(q), four(k), four(v)),
    plain: (q, k, v) => tf.matMul(scores(q, k), given(v)),
  },
  {
    name: 'attention that drops scores',
    shapes: [
      [2, 2, 5, 3],
      [2, 2, 4, 3],
      [2, 2, 4, 3],
    ],
    fast: (q, k, v) => attention(four(q), four(k), four(v), dropped()),
    plain: (q, k, v) => tf.matMul(tf.mul(scores(q, k), keptFactors([2, 2, 5, 4], dropped())), given(v)),
  },
  {
    name: 'depthwise convolution',
    shapes: [
      [2, 6, 5, 3],
      [3, 3, 3, 1],
    ],
    fast: (x, kernel) => depthwiseConv(four(x), given(kernel)),
    plain: (x, kernel) => tf.depthwiseConv2d(four(x), four(kernel), 1, 'same'),
  },
  {
    name: 'depthwise convolution at stride 2',
    shapes: [
      [2, 6, 5, 3],
      [5, 5, 3, 1],
    ],
    fast: (x, kernel) => depthwiseConv(four(x), given(kernel), 2),
    plain: (x, kernel) => tf.depthwiseConv2d(four(x), four(kernel), 2, 'same'),
  },
  {
    name: 'StarReLU',
    shapes: [[2, 3, 3, 4], [1], [1]],
    fast: (x, scale, bias) => starRelu(given(x), given(scale), given(bias)),
    plain: (x, scale, bias) => tf.add(tf.mul(tf.square(tf.relu(given(x))), given(scale)), given(bias)),
  },
];

describe('the transformer operation', () => {
  it.each(rows)('$name has the gradient of central differences', ({ shapes, fast }) => {
    tf.tidy(() => {
      const inputs = shapes.map((shape, index) => spreadValues(shape, index));
      for (const { byGradient, byDifference } of slopes(fast, inputs)) {
        expect(Math.abs(byGradient - byDifference)).toBeLessThan(0.01 * Math.max(1, Math.abs(byGradient)));
      }
    });
  });

  it.each(rows)('$name has the value and gradient of its plain tfjs form', ({ shapes, fast, plain }) => {
    tf.tidy(() => {
      const inputs = shapes.map((shape, index) => spreadValues(shape, index));
      const expected = plain(...inputs);
      const actual = fast(...inputs);
      expect(actual.shape).toEqual(expected.shape);
      expect(relativeDifference(actual.dataSync(), expected.dataSync())).toBeLessThan(1e-5);
      const gradients = gradientsOf(fast, inputs);
      for (const [index, gradient] of gradientsOf(plain, inputs).entries()) {
        expect(relativeDifference(gradients[index] as Float32Array, gradient)).toBeLessThan(1e-4);
      }
    });
  });
});
