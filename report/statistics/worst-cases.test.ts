import { expect, it } from 'vitest';
import { worstCases } from './worst-cases.ts';

it('lists masks from the worst on, the earlier image and class first of equals', () => {
  const image = (imageName: string, perClass: number[]) => ({ imageName, group: 'ID001', fold: 0, truth: '', perClass });
  const cases = worstCases([image('a', [0.9, 0.2]), image('b', [0.2, 0.1, 1])], 3);
  expect(cases.map(({ imageName, classIndex, dice }) => [imageName, classIndex, dice])).toEqual([
    ['b', 1, 0.1],
    ['a', 1, 0.2],
    ['b', 0, 0.2],
  ]);
});
