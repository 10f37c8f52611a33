import { describe, expect, it } from 'vitest';
import { type Tensor, type Tensor4D, tf, type Variable } from '../tensorflow.ts';
import { gradientsOf, type Operation, relativeDifference, slopes, spreadValues } from '../testing/check-gradients.ts';
import { gelu, relu, relu6, swish } from './activations.ts';
import { batchNorm } from './batch-norm.ts';
import { convTranspose2x2 } from './conv-transpose.ts';
import { conv2d } from './conv2d.ts';
import { biasAdd } from './linear.ts';
import { maxPool, maxPool2x2, maxPool3x3Stride2 } from './max-pool.ts';
import { upsampleBilinear, upsampleBilinear2x, upsampleBilinear2xAligned, upsampleNearest2x } from './upsample.ts';

type Row = { name: string; shapes: number[][]; fast: Operation; plain?: Operation; epsilon?: number };

const four = (x: Tensor | undefined): Tensor4D => x as Tensor4D;
const given = (x: Tensor | undefined): Tensor => x as Tensor;

/** Interpolation as a matrix product on both axes. */
function resizedBy(matrix: number[][]): Operation {
  return (x) => {
    const [batch = 0, height = 0, width = 0, channels = 0] = given(x).shape;
    const rows = tf.matMul(tf.tensor2d(matrix), tf.reshape(tf.transpose(given(x), [1, 0, 2, 3]), [height, -1]));
    const turned = tf.transpose(tf.reshape(rows, [matrix.length, batch, width, channels]), [2, 1, 0, 3]);
    const columns = tf.matMul(tf.tensor2d(matrix), tf.reshape(turned, [width, -1]));
    return tf.transpose(tf.reshape(columns, [matrix.length, batch, matrix.length, channels]), [1, 2, 0, 3]);
  };
}

const BILINEAR = [
  [1, 0, 0],
  [0.75, 0.25, 0],
  [0.25, 0.75, 0],
  [0, 0.75, 0.25],
  [0, 0.25, 0.75],
  [0, 0, 1],
];
/** Six pixels from three with fixed corners: pixel i is at i·2/5. */
const CORNERS = [0, 0.4, 0.8, 1.2, 1.6, 2].map((at) => [0, 1, 2].map((column) => Math.max(0, 1 - Math.abs(at - column))));
/** Twelve pixels from three: pixel i is at (i + ½)/4 − ½, clamped to the image. */
const FOURFOLD = Array.from({ length: 12 }, (_, pixel) => Math.min(2, Math.max(0, (pixel + 0.5) / 4 - 0.5))).map((at) =>
  [0, 1, 2].map((column) => Math.max(0, 1 - Math.abs(at - column))),
);
const NEAREST = [0, 0, 1, 1, 2, 2].map((source) => [0, 1, 2].map((column) => (column === source ? 1 : 0)));

const moving = (value: number): Variable => tf.variable(tf.fill([3], value), false);
const movingMean = moving(0);
const movingVariance = moving(1);

const rows: Row[] = [
  { name: 'relu', shapes: [[2, 4, 4, 3]], fast: (x) => relu(given(x)), plain: (x) => tf.relu(given(x)) },
  {
    name: 'ReLU6',
    shapes: [[2, 4, 4, 3]],
    // Values from −9 to 9, none of which is close to 0 or 6.
    fast: (x) => relu6(tf.mul(given(x), 9)),
    plain: (x) => tf.relu6(tf.mul(given(x), 9)),
    epsilon: 1e-4,
  },
  { name: 'swish', shapes: [[2, 4, 4, 3]], fast: (x) => swish(given(x)), plain: (x) => tf.mul(given(x), tf.sigmoid(given(x))) },
  {
    name: 'bias add',
    shapes: [[2, 3, 5, 4], [4]],
    fast: (x, bias) => biasAdd(four(x), given(bias)),
    plain: (x, bias) => tf.add(given(x), given(bias)),
  },
  {
    name: '3×3 convolution',
    shapes: [
      [2, 6, 5, 3],
      [3, 3, 3, 4],
    ],
    fast: (x, kernel) => conv2d(four(x), given(kernel)),
    plain: (x, kernel) => tf.conv2d(four(x), four(kernel), 1, 'same'),
  },
  {
    name: '1×1 convolution',
    shapes: [
      [2, 6, 5, 3],
      [1, 1, 3, 4],
    ],
    fast: (x, kernel) => conv2d(four(x), given(kernel)),
    plain: (x, kernel) => tf.conv2d(four(x), four(kernel), 1, 'same'),
  },
  {
    name: '1×1 convolution at stride 2',
    shapes: [
      [2, 6, 5, 3],
      [1, 1, 3, 4],
    ],
    fast: (x, kernel) => conv2d(four(x), given(kernel), { stride: 2 }),
    plain: (x, kernel) => tf.conv2d(four(x), four(kernel), 2, 'same'),
  },
  {
    name: 'convolution at stride 2',
    shapes: [
      [2, 6, 6, 2],
      [3, 3, 2, 3],
    ],
    fast: (x, kernel) => conv2d(four(x), given(kernel), { stride: 2 }),
    plain: (x, kernel) => tf.conv2d(four(x), four(kernel), 2, 'same'),
  },
  {
    name: 'convolution with zeros on chosen sides',
    shapes: [
      [2, 5, 5, 2],
      [3, 3, 2, 3],
    ],
    fast: (x, kernel) => conv2d(four(x), given(kernel), { padding: [2, 1, 0, 3] }),
    plain: (x, kernel) => {
      const padding: [number, number][] = [[0, 0], [2, 1], [0, 3], [0, 0]]; // biome-ignore format: one pair per axis
      return tf.conv2d(four(tf.pad(given(x), padding)), four(kernel), 1, 'valid');
    },
  },
  {
    name: 'dilated convolution',
    shapes: [
      [2, 7, 7, 2],
      [3, 3, 2, 3],
    ],
    fast: (x, kernel) => conv2d(four(x), given(kernel), { dilation: 2 }),
  },
  {
    name: 'transposed 2×2 convolution',
    shapes: [
      [2, 3, 4, 3],
      [2, 2, 5, 3],
    ],
    fast: (x, kernel) => convTranspose2x2(four(x), given(kernel)),
    plain: (x, kernel) => tf.conv2dTranspose(four(x), four(kernel), [2, 6, 8, 5], 2, 'valid'),
  },
  {
    name: '2×2 max-pooling',
    shapes: [[2, 6, 4, 3]],
    fast: (x) => maxPool2x2(four(x)),
    plain: (x) => tf.maxPool(four(x), 2, 2, 'valid'),
    epsilon: 1e-4,
  },
  {
    name: '4×4 max-pooling',
    shapes: [[1, 8, 8, 2]],
    fast: (x) => maxPool(four(x), 4),
    plain: (x) => tf.maxPool(four(x), 4, 4, 'valid'),
    epsilon: 1e-4,
  },
  {
    name: 'overlapping max-pooling',
    shapes: [[2, 6, 4, 3]],
    fast: (x) => maxPool3x3Stride2(four(x)),
    plain: (x) => {
      const padding: [number, number][] = [[0, 0], [1, 1], [1, 1], [0, 0]]; // biome-ignore format: one pair per axis
      return tf.maxPool(four(tf.pad(given(x), padding, -9)), 3, 2, 'valid');
    },
    epsilon: 1e-4,
  },
  {
    name: 'GELU',
    shapes: [[2, 4, 4, 3]],
    fast: (x) => gelu(given(x)),
    plain: (x) => tf.mul(tf.mul(given(x), 0.5), tf.add(tf.erf(tf.div(given(x), Math.sqrt(2))), 1)),
  },
  { name: 'fourfold bilinear up-sampling', shapes: [[2, 3, 3, 2]], fast: (x) => upsampleBilinear(four(x), 4), plain: resizedBy(FOURFOLD) },
  {
    name: 'bilinear up-sampling with fixed corners',
    shapes: [[2, 3, 3, 2]],
    fast: (x) => upsampleBilinear2xAligned(four(x)),
    plain: resizedBy(CORNERS),
  },
  { name: 'bilinear up-sampling', shapes: [[2, 3, 3, 2]], fast: (x) => upsampleBilinear2x(four(x)), plain: resizedBy(BILINEAR) },
  { name: 'nearest up-sampling', shapes: [[2, 3, 3, 2]], fast: (x) => upsampleNearest2x(four(x)), plain: resizedBy(NEAREST) },
  {
    name: 'batch normalisation',
    shapes: [[2, 4, 4, 3], [3], [3]],
    fast: (x, gamma, beta) => batchNorm(four(x), { gamma: given(gamma), beta: given(beta), movingMean, movingVariance }, true),
    plain: (x, gamma, beta) => {
      const { mean, variance } = tf.moments(given(x), [0, 1, 2]);
      return tf.add(tf.mul(tf.div(tf.sub(given(x), mean), tf.sqrt(tf.add(variance, 1e-5))), given(gamma)), given(beta));
    },
  },
];

describe('the operation', () => {
  it.each(rows)('$name has the gradient of central differences', ({ shapes, fast, epsilon }) => {
    tf.tidy(() => {
      const inputs = shapes.map((shape, index) => spreadValues(shape, index));
      for (const { byGradient, byDifference } of slopes(fast, inputs, epsilon)) {
        expect(Math.abs(byGradient - byDifference)).toBeLessThan(0.01 * Math.max(1, Math.abs(byGradient)));
      }
    });
  });

  it.each(rows.filter((row) => row.plain))('$name has the value and gradient of its plain tfjs form', ({ shapes, fast, plain }) => {
    tf.tidy(() => {
      const inputs = shapes.map((shape, index) => spreadValues(shape, index));
      const expected = (plain as Operation)(...inputs);
      const actual = fast(...inputs);
      expect(actual.shape).toEqual(expected.shape);
      expect(relativeDifference(actual.dataSync(), expected.dataSync())).toBeLessThan(1e-5);
      const gradients = gradientsOf(fast, inputs);
      for (const [index, gradient] of gradientsOf(plain as Operation, inputs).entries()) {
        expect(relativeDifference(gradients[index] as Float32Array, gradient)).toBeLessThan(1e-4);
      }
    });
  });
});
