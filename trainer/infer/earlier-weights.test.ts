import { expect, it } from 'vitest';
import { encodeSafetensors } from '../engine/safetensors.ts';
import { buildModel } from '../models/registry.ts';
import { readWeights } from '../models/weights.ts';
import { openNetwork } from './networks.ts';

const WIDTH = 2;

/** A weights file of a CustomUNet whose metadata has these options. */
function weightsFile(options: object): Buffer {
  const model = buildModel({ name: 'CustomUNet', options: { width: WIDTH }, classes: 2, seed: 1 });
  const arrays = readWeights(model);
  model.dispose();
  return encodeSafetensors(arrays, { model: 'CustomUNet', options: JSON.stringify(options), classes: '["a","b"]', inputSize: '32' });
}

it.each([
  [{ width: WIDTH }, 'improved'],
  [{ width: WIDTH, variant: 'improved' }, 'improved'],
  [{ width: WIDTH, variant: 'published' }, 'published'],
])('weights of a CustomUNet with the options %o are opened as %s', (options, variant) => {
  const network = openNetwork(weightsFile(options), 'best.safetensors');
  expect(network.facts.options).toEqual({ width: WIDTH, variant });
  network.dispose();
});
