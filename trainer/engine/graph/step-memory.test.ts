import { describe, expect, it } from 'vitest';
import { DATA_TYPE } from './graph-definition.ts';
import { selection } from './programs.ts';
import { stepMemory } from './step-memory.ts';
import type { Tape } from './tape.ts';

const value = (id: number, shape: readonly number[], dtype: number = DATA_TYPE.float32) => ({ id, shape, dtype });
const operation = (name: string, inputIds: readonly number[], ...outputs: ReturnType<typeof value>[]) => ({
  name,
  attributes: [],
  inputIds,
  outputs,
});

/** One image of `side`×`side` pixels through two convolutions, an attention between all pixels, and the gradient of a weight. */
function tapeAt(side: number): Tape {
  return {
    constants: new Map(),
    inputs: [{ name: 'images', ...value(1, [1, side, side, 1]) }],
    variables: [{ name: 'weight', ...value(2, [3, 3, 1, 8]) }],
    operations: [
      operation('Conv2D', [1, 2], value(3, [1, side, side, 8])),
      operation('Reshape', [3], value(4, [1, side * side, 8])),
      operation('BatchMatMulV2', [4, 4], value(5, [1, side * side, side * side])),
      operation('BatchMatMulV2', [5, 4], value(6, [1, side * side, 8])),
      operation('Conv2DBackpropFilter', [6], value(7, [3, 3, 1, 8])),
    ],
    results: new Map([['gradient', value(7, [3, 3, 1, 8])]]),
    assigned: new Map(),
  };
}

/** The largest number of live bytes, computed by hand: image, activation, attention and its result. */
const expected = (side: number): number => 4 * (side ** 2 + 8 * side ** 2 + side ** 4 + 8 * side ** 2);

describe('stepMemory', () => {
  it.each([4, 8])('counts the values that live at the same time, for a side of %i pixels', (side) => {
    expect(stepMemory(tapeAt(side), selection(tapeAt(side), 'float32'))).toEqual({ live: expected(side), state: 4 * 72 });
  });

  it('counts bfloat16 values half', () => {
    const tape = tapeAt(16);
    const live = selection(tape, 'float32').live;
    const { live: float32 } = stepMemory(tape, { live, reduced: new Set() });
    const { live: bfloat16 } = stepMemory(tape, { live, reduced: live });
    const images = 4 * 16 ** 2;
    expect(bfloat16 - images).toBe((float32 - images) / 2);
  });

  it('does not count values that no result depends on', () => {
    const idle = { ...tapeAt(8), results: new Map([['images', value(1, [1, 8, 8, 1])]]) };
    expect(stepMemory(idle, selection(idle, 'float32')).live).toBe(4 * 8 ** 2);
  });
});
