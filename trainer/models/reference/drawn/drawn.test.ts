import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { NamedArrays } from '../../../engine/named-arrays.ts';
import { decodeSafetensors } from '../../../engine/safetensors.ts';
import { type Scalar, type Tensor4D, tf } from '../../../engine/tensorflow.ts';
import { relativeDifference } from '../../../engine/testing/check-gradients.ts';
import type { Model, NetworkOptions } from '../../model.ts';
import { buildModel } from '../../registry.ts';
import { readWeights, writeWeights } from '../../weights.ts';
import { moduleNamesOf } from '../module-names.ts';
import { drawnValues, drawnWeights } from './drawn-weights.ts';

type Case = {
  readonly name: string;
  readonly network: string;
  readonly options: NetworkOptions;
  readonly classes: number;
  readonly size: number;
  readonly batch: number;
  readonly gradients: readonly string[];
  /**
   * Tolerance of the logits (absolute) and of the gradients (relative); 1e-4 and 1e-3 by default. On ResNet-50 and EfficientNet, PyTorch's own
   * float32 results differ as much from its float64 results: the network has fifty normalisations over few values, and ReLUs whose input is within
   * rounding of zero. The order of sums, and so the processor, decides which of these ReLUs pass their gradient. One such ReLU at UNet's
   * bottom contributes half a percent of a kernel's gradient.
   */
  readonly within?: { readonly logits: number; readonly gradients: number };
};
const WITHIN = { logits: 1e-4, gradients: 1e-3 };

const CASES = JSON.parse(readFileSync(join(import.meta.dirname, 'cases.json'), 'utf8')) as Case[];
/** Only every third row and column of the logits is stored. */
const STRIDE = 3;

const built: Model[] = [];
afterEach(() => {
  for (const model of built.splice(0)) model.dispose();
});

/** The name from which a variable's values are drawn: the name of its module in bench/pytorch/networks. */
function drawnName(model: Model, variable: string): string {
  const moduleName = moduleNamesOf(model);
  const [, module = '', part = ''] = /^(.*)\/([^/]+)$/.exec(variable) ?? [];
  const theirs = moduleName === undefined ? module : moduleName(module, part !== 'kernel' && part !== 'bias');
  return `${theirs?.replaceAll('.', '/')}/${part}`;
}

/** The case's network with the weights that PyTorch used. */
function networkOf({ network, options, classes }: Case): Model {
  const model = buildModel({ name: network, options, classes, seed: 1 });
  built.push(model);
  const weights: NamedArrays = new Map(
    [...readWeights(model)].map(([name, { shape }]) => {
      return [name, { shape, data: drawnWeights(drawnName(model, name.replace(/^model\//, '')), shape) }];
    }),
  );
  writeWeights(model, weights);
  return model;
}

const expectedOf = (name: string): NamedArrays => decodeSafetensors(readFileSync(join(import.meta.dirname, `${name}.safetensors`))).arrays;

function imagesOf({ batch, size }: Case): Tensor4D {
  const values = drawnValues('images', batch * size * size).map((value) => Math.fround(value * 0.5) + 0.5);
  return tf.tensor4d(values, [batch, size, size, 1]);
}

/** The largest difference of all stored logits. */
function difference(logits: Tensor4D, expected: Float32Array | undefined): number {
  const [batch, height, width, classes] = logits.shape;
  const values = logits.dataSync();
  let most = expected === undefined ? Number.POSITIVE_INFINITY : 0;
  let at = 0;
  for (let image = 0; image < batch; image++)
    for (let row = 0; row < height; row += STRIDE)
      for (let column = 0; column < width; column += STRIDE)
        for (let channel = 0; channel < classes; channel++) {
          const ours = values[((image * height + row) * width + column) * classes + channel] ?? Number.NaN;
          most = Math.max(most, Math.abs(ours - (expected?.[at++] ?? Number.NaN)));
        }
  expect(at).toBe(expected?.length);
  return most;
}

describe.each(CASES)('$network as $name', (given) => {
  const expected = expectedOf(given.name);
  const within = given.within ?? WITHIN;

  it.each([
    { mode: 'inference', training: false },
    { mode: 'training', training: true },
  ])('has the logits of a PyTorch network with the same weights in $mode', ({ mode, training }) => {
    const model = networkOf(given);
    tf.tidy(() => {
      for (const [index, logits] of model.forward(imagesOf(given), training).entries()) {
        expect(difference(logits, expected.get(`${mode}/${index}`)?.data)).toBeLessThan(within.logits);
      }
    });
  });

  it('has the gradients of a PyTorch network with the same weights', () => {
    const model = networkOf(given);
    tf.tidy(() => {
      const images = imagesOf(given);
      const chosen = given.gradients.map((name) => model.variables.find((variable) => drawnName(model, variable.name) === name)?.variable);
      const { grads } = tf.variableGrads(
        () =>
          tf.addN(
            model.forward(images, true).map((logits, index) => {
              const weights = tf.tensor(drawnValues(`head${index}`, logits.size), logits.shape);
              return tf.mean(tf.mul(logits, weights));
            }),
          ) as Scalar,
        chosen.flatMap((variable) => (variable ? [variable] : [])),
      );
      for (const [index, name] of given.gradients.entries()) {
        const ours = grads[chosen[index]?.name ?? '']?.dataSync() ?? [];
        expect(relativeDifference(ours as Float32Array, expected.get(`gradient/${name}`)?.data ?? []), name).toBeLessThan(within.gradients);
      }
    });
  });
});
