import { describe, expect, it } from 'vitest';
import { mirrored } from './tta.ts';

const VALUES = Float32Array.from([1, 10, 2, 20, 3, 30, 4, 40]);

describe('mirrored', () => {
  it.each([
    ['identity', [1, 10, 2, 20, 3, 30, 4, 40]],
    ['flipHorizontal', [2, 20, 1, 10, 4, 40, 3, 30]],
    ['flipVertical', [3, 30, 4, 40, 1, 10, 2, 20]],
  ] as const)('%s moves pixels, keeps their channels together, and undoes itself', (view, expected) => {
    const once = mirrored(VALUES, 2, 2, view);
    expect([...once]).toEqual(expected);
    expect(mirrored(once, 2, 2, view)).toEqual(VALUES);
  });
});
