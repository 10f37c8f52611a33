import { expect, it } from 'vitest';
import { tf } from '../../engine/tensorflow.ts';
import { buildModel } from '../registry.ts';
import { withValueLimit } from './variables.ts';

const build = (width: number) => buildModel({ name: 'SlimUNet', options: { width, depth: 2 }, classes: 3, seed: 1 });
const refuse = (): Error => new Error('too large');

it('a network with a limit on its values is built if it fits exactly, with the same weights as without a limit', () => {
  const free = build(4);
  const values = free.variables.reduce((count, { variable }) => count + variable.size, 0);
  const limited = withValueLimit(values, refuse, () => build(4));
  expect(limited.variables.map(({ variable }) => variable.dataSync())).toEqual(free.variables.map(({ variable }) => variable.dataSync()));
  expect(() => withValueLimit(values - 1, refuse, () => build(4))).toThrow('too large');
  for (const model of [free, limited]) model.dispose();
});

it('a network that exceeds its limit by far is refused before it takes memory, and leaves nothing', () => {
  const before = tf.memory();
  const huge = (): unknown => buildModel({ name: 'SlimUNet', options: { width: 256, depth: 7 }, classes: 3, seed: 1 });
  expect(() => withValueLimit(1000, refuse, huge)).toThrow('too large');
  expect(tf.memory()).toEqual(before);
  const next = build(4);
  next.dispose();
});
