import { randomFor } from '@carpal/masks/random.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignFolds, type FoldSample } from './folds.ts';

const people = (count: number, about: (index: number) => Partial<FoldSample> = () => ({})): FoldSample[] =>
  Array.from({ length: count }, (_, index) => ({ group: `ID${String(index + 1).padStart(3, '0')}`, ...about(index) })).flatMap((sample) => [
    sample,
    sample,
  ]);

const countPerFold = (samples: readonly FoldSample[], foldOf: ReadonlyMap<string, number>, folds: number): number[] => {
  const counts = new Array<number>(folds).fill(0);
  for (const { group } of samples) {
    const fold = foldOf.get(group) ?? -1;
    counts[fold] = (counts[fold] ?? 0) + 1;
  }
  return counts;
};

const variance = (values: readonly number[]): number => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
};

/** How different the folds are in a measure: the variance of their means. */
const unlikeness = (
  samples: readonly FoldSample[],
  foldOf: ReadonlyMap<string, number>,
  folds: number,
  measure: (sample: FoldSample) => number,
): number =>
  variance(
    Array.from({ length: folds }, (_, fold) => {
      const members = samples.filter(({ group }) => foldOf.get(group) === fold).map(measure);
      return members.reduce((sum, value) => sum + value, 0) / members.length;
    }),
  );

describe('assignFolds', () => {
  it.each(['group', 'stratifiedGroup'] as const)(
    'with %s assigns every person to one fold, with sizes that differ by at most one',
    (strategy) => {
      fc.assert(
        fc.property(
          fc.integer({ min: 2, max: 8 }),
          fc.integer({ min: 0, max: 40 }),
          fc.integer({ min: 0, max: 1000 }),
          (folds, more, seed) => {
            const samples = people(folds + more, (index) => ({ boneArea: randomFor(seed, index).next() }));
            const foldOf = assignFolds(samples, { folds, strategy, seed });
            expect(foldOf.size).toBe(folds + more);
            const counts = countPerFold(samples, foldOf, folds);
            expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  it.each(['group', 'stratifiedGroup'] as const)('with %s depends on the seed, not on the order of the samples', (strategy) => {
    const samples = people(23, (index) => ({ boneArea: 0.1 + 0.001 * index }));
    const split = { folds: 5, strategy, seed: 7 };
    const foldOf = assignFolds(samples, split);
    const other = assignFolds([...samples].reverse(), split);
    expect([...other].sort()).toEqual([...foldOf].sort());
    expect(assignFolds(samples, { ...split, seed: 8 })).not.toEqual(foldOf);
  });

  it('balances the number of images if people have different numbers of them', () => {
    const samples = Array.from({ length: 12 }, (_, index) => new Array<FoldSample>(1 + (index % 4)).fill({ group: `ID${index}` })).flat();
    const counts = countPerFold(samples, assignFolds(samples, { folds: 3, strategy: 'group', seed: 1 }), 3);
    expect(counts).toEqual([10, 10, 10]);
  });

  it('makes stratified folds more similar in sex and height than random ones', () => {
    const samples = people(60, (index) => {
      const random = randomFor(3, index);
      const sex = random.next() < 0.4 ? 'M' : 'F';
      return { sex, heightCm: (sex === 'M' ? 175 : 162) + 6 * random.normal(), boneArea: 0 };
    });
    const male = ({ sex }: FoldSample): number => (sex === 'M' ? 1 : 0);
    const height = ({ heightCm }: FoldSample): number => heightCm ?? 0;
    for (const measure of [male, height]) {
      let [random, stratified] = [0, 0];
      for (let seed = 0; seed < 10; seed++) {
        random += unlikeness(samples, assignFolds(samples, { folds: 5, strategy: 'group', seed }), 5, measure);
        stratified += unlikeness(samples, assignFolds(samples, { folds: 5, strategy: 'stratifiedGroup', seed }), 5, measure);
      }
      expect(stratified).toBeLessThan(random / 4);
    }
  });

  it('stratifies by bone area if the table does not include everyone', () => {
    const samples = people(40, (index) => ({
      boneArea: 0.1 + 0.002 * index,
      ...(index === 0 ? {} : { sex: 'F', heightCm: 150 + ((index * 7) % 40) }),
    }));
    const area = ({ boneArea }: FoldSample): number => boneArea ?? 0;
    const random = unlikeness(samples, assignFolds(samples, { folds: 4, strategy: 'group', seed: 2 }), 4, area);
    const stratified = unlikeness(samples, assignFolds(samples, { folds: 4, strategy: 'stratifiedGroup', seed: 2 }), 4, area);
    expect(stratified).toBeLessThan(random / 4);
  });

  it('rejects more folds than people', () => {
    expect(() => assignFolds(people(3), { folds: 4, strategy: 'group', seed: 1 })).toThrow(
      expect.objectContaining({ code: 'folds-exceed-people', message: '4 folds for 3 people' }),
    );
  });
});
