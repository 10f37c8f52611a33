import { describe, expect, it } from 'vitest';
import { DATA_TYPE } from './graph-definition.ts';
import { GraphSession, StatefulGraph } from './graph-session.ts';

const SIZE = 1024;

describe('the state of a session', () => {
  it('is a copy of the arrays that were written, at any alignment of their memory', () => {
    const stateful = new StatefulGraph();
    const variable = stateful.variable('weight', [SIZE]);
    stateful.output('weight', DATA_TYPE.float32, variable.read, []);
    const session = new GraphSession(stateful);
    // TensorFlow shares memory that begins at a multiple of 64 bytes and copies other memory. Without a copy of our own, the session would
    // share one of these sixteen arrays.
    const shared = Array.from({ length: 16 }, (_, offset) => {
      const data = new Float32Array(SIZE + 16).subarray(offset, offset + SIZE).fill(1);
      session.writeState(new Map([['weight', { shape: [SIZE], data }]]));
      data.fill(99);
      return session.readState().get('weight')?.data[0] !== 1;
    });
    expect(shared).toEqual(shared.map(() => false));
    session.dispose();
  });
});
