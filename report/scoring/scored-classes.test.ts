import { describe, expect, it } from 'vitest';
import type { PreparedSample } from '../dataset/prepared-set.ts';
import { onlyScored, scoredClasses } from './scored-classes.ts';

const sample = (imageName: string, half: 'train' | 'test'): PreparedSample => ({ imageName, group: 'ID1', half, width: 9, height: 9 });
const [square, none] = [Float64Array.of(0, 0, 5, 0, 5, 5), new Float64Array(0)];

describe('scoredClasses', () => {
  it('are the classes that some annotation of the training half has, in order', async () => {
    const polygons = { a: [none, square, none, none], b: [square, none, none, none], c: [none, none, none, square] };
    const read: string[] = [];
    const scored = await scoredClasses({
      classes: ['first', 'second', 'third', 'fourth'],
      samples: [sample('a', 'train'), sample('b', 'train'), sample('c', 'test')],
      readPolygons: async ({ imageName }) => {
        read.push(imageName);
        return polygons[imageName as 'a'];
      },
    });
    expect(scored).toEqual({ names: ['first', 'second'], indexes: [0, 1], missing: ['third', 'fourth'] });
    expect(read).toEqual(['a', 'b']);
    expect(onlyScored([5, 6, 7, 8], scored)).toEqual([5, 6]);
  });
});
