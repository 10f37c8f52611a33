import { expect, it } from 'vitest';
import { tf } from '../engine/tensorflow.ts';
import { relativeDifference } from '../engine/testing/check-gradients.ts';
import { openUpdateSession } from '../engine/testing/update-session.ts';
import { createWeightAverage } from './weight-average.ts';

it('a weight average changes by large steps at first and by 1 − decay later', () => {
  const variable = tf.tidy(() => tf.variable(tf.tensor1d([1, -1])));
  const average = createWeightAverage([{ name: 'w', variable }], { decay: 0.75 });
  const slots = average.slots.map((slot) => ({ ...slot, name: `optimizer/${slot.name}` }));
  const session = openUpdateSession([{ name: 'model/w', variable }, ...slots], (nodes) => average.write(nodes, []));
  let expected = [1, -1];
  for (let move = 0; move < 60; move++) {
    const now = [move % 7, -move];
    session.writeState(session.readState().set('model/w', { shape: [2], data: Float32Array.from(now) }));
    session.run({}, 0);
    const share = Math.max(9 / (10 + move), 0.25);
    expected = expected.map((value, index) => value + share * ((now[index] as number) - value));
  }
  const state = session.readState();
  expect(relativeDifference(state.get('optimizer/average/w')?.data ?? [], expected)).toBeLessThan(1e-6);
  expect([...(state.get('model/w')?.data ?? [])]).toEqual([3, -59]);
  expect(state.get('optimizer/averageMoves')?.data[0]).toBe(60);
  session.dispose();
  average.dispose();
  variable.dispose();
});
