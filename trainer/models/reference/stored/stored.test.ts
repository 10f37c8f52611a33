import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { NamedArray, NamedArrays } from '../../../engine/named-arrays.ts';
import { decodeSafetensors } from '../../../engine/safetensors.ts';
import { type Tensor, type Tensor4D, tf } from '../../../engine/tensorflow.ts';
import { relativeDifference } from '../../../engine/testing/check-gradients.ts';
import type { Model } from '../../model.ts';
import { fromPyTorch, pytorchKey } from '../../pretrained/pytorch-arrays.ts';
import { buildModel } from '../../registry.ts';
import { writeWeights } from '../../weights.ts';
import { moduleNamesOf } from '../module-names.ts';

const folder = import.meta.dirname;
const fixtures = readdirSync(folder).filter((file) => file.endsWith('.safetensors'));
/** Tolerance of logits. CustomUNet is held to what float32 allows, because it is the network that the original's results come from. */
const withinOf = (file: string): number => (file.startsWith('custom-unet') ? 1e-5 : 1e-4);
const built: Model[] = [];
afterEach(() => {
  for (const model of built.splice(0)) model.dispose();
});

/** A network with the weights of its fixture, and PyTorch's results for them. */
function load(file: string) {
  const { arrays, metadata } = decodeSafetensors(readFileSync(join(folder, file)), file);
  const { network = '', options = '{}', classes } = metadata;
  const model = buildModel({ name: network, options: JSON.parse(options), classes: Number(classes), seed: 1 });
  built.push(model);
  const moduleName = moduleNamesOf(model);
  if (!moduleName) throw new Error(`${network} has no names in module-names.ts`);
  const weights: NamedArrays = new Map(
    [...arrays].filter(([name]) => name.startsWith('weights/')).map(([name, array]) => [name.slice(8), array]),
  );
  const ours = fromPyTorch(model.variables, weights, moduleName, file);
  const used = new Set(model.variables.map(({ name }) => pytorchKey(name, moduleName)));
  expect([...weights.keys()].filter((key) => !used.has(key))).toEqual([]);
  writeWeights(model, new Map([...ours].map(([name, array]) => [`model/${name}`, array])));
  const variableOf = (key: string) => {
    const found = model.variables.find(({ name }) => pytorchKey(name, moduleName) === key);
    if (!found) throw new Error(`no variable is ${key}`);
    return found;
  };
  const [images] = [tensorOf(arrays.get('images') as NamedArray)];
  return { model, arrays, images: images as Tensor4D, moduleName, variableOf };
}

/** An array `[n, c, h, w]` as a tensor `[n, h, w, c]`. */
const tensorOf = ({ shape, data }: NamedArray): Tensor => tf.tidy(() => tf.transpose(tf.tensor(data, [...shape]), [0, 2, 3, 1]));

const largest = (a: Tensor, b: Tensor): number => tf.tidy(() => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0] as number);
const beginning = (arrays: NamedArrays, prefix: string): [string, NamedArray][] =>
  [...arrays].filter(([name]) => name.startsWith(prefix)).map(([name, array]) => [name.slice(prefix.length), array]);

describe.each(fixtures)("PyTorch's %s", (file) => {
  it('has the same logits as carpal in inference', () => {
    const { model, arrays, images } = load(file);
    tf.tidy(() => {
      const heads = model.forward(images, false);
      expect(heads).toHaveLength(beginning(arrays, 'eval/').length);
      for (const [index, expected] of beginning(arrays, 'eval/')) {
        expect(largest(heads[Number(index)] as Tensor, tensorOf(expected))).toBeLessThan(withinOf(file));
      }
    });
  });

  it('has the same logits as carpal in training, on every head, and updates the averages in the same way', () => {
    const { model, arrays, images, variableOf } = load(file);
    tf.tidy(() => {
      const heads = model.forward(images, true);
      expect(heads).toHaveLength(beginning(arrays, 'train/').length);
      for (const [index, expected] of beginning(arrays, 'train/')) {
        expect(largest(heads[Number(index)] as Tensor, tensorOf(expected))).toBeLessThan(withinOf(file));
      }
      for (const [key, { data }] of beginning(arrays, 'moved/')) {
        expect(relativeDifference(variableOf(key).variable.dataSync(), data)).toBeLessThan(1e-4);
      }
    });
  });

  it('has the same gradient as carpal', () => {
    const { model, arrays, images, moduleName } = load(file);
    const [[key, expected] = []] = beginning(arrays, 'gradient/');
    const found = model.variables.filter(({ name }) => pytorchKey(name, moduleName) === key);
    tf.tidy(() => {
      const { grads } = tf.variableGrads(
        () => tf.addN(model.forward(images, true).map((logits) => tf.div(tf.sum(tf.square(logits)), 2))),
        found.map(({ variable }) => variable),
      );
      const ours = fromPyTorch(found, new Map([[key as string, expected as NamedArray]]), moduleName);
      const [gradient] = Object.values(grads);
      expect(relativeDifference(gradient?.dataSync() ?? [], [...ours.values()][0]?.data ?? [])).toBeLessThan(1e-3);
    });
  });
});
