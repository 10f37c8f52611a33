import { describe, expect, it } from 'vitest';
import { compareRuns, greatestDifferences } from './compare-runs.ts';
import { runFigures } from './testing/run-figures.ts';
import { scoredImages } from './testing/scored-images.ts';

const images = scoredImages({ people: 6 });
const first = runFigures('first', images);

describe('compareRuns', () => {
  it('compares every run with the first, with its time and memory', () => {
    const { runs } = compareRuns([first, runFigures('second', scoredImages({ people: 6, better: 0.05 })), runFigures('third', images)]);
    expect(runs.map(({ title }) => title)).toEqual(['first', 'second', 'third']);
    expect(runs[0]?.difference).toBeUndefined();
    expect(runs[1]?.difference?.all.mean).toBeGreaterThan(0.03);
    expect(runs[2]?.difference).toMatchObject({ p: 1, all: { mean: 0 } });
    expect(runs[1]).toMatchObject({ network: 'UNet', size: 512, peakMemoryMb: 640 });
    expect(runs[1]?.trainingMinutes).toBeCloseTo((2 * (30 + 31 + 30)) / 60, 12);
  });

  it('adds the place to the titles of runs with the same name', () => {
    const { runs } = compareRuns([first, { ...first, place: 'out/other' }]);
    expect(runs.map(({ title }) => title)).toEqual(['first (out/first)', 'first (out/other)']);
  });

  it.each([
    ['a single run', [first], 'usage-invalid', 'at least two runs'],
    [
      'other images',
      [
        first,
        runFigures(
          'x',
          images.map((image) => ({ ...image, imageName: `x${image.imageName}` })),
        ),
      ],
      'runs-incomparable',
      'no scored image in common with out/first',
    ],
    [
      'images with the same names from another data set',
      [
        first,
        runFigures(
          'x',
          images.map((image) => ({ ...image, truth: 'x' })),
        ),
      ],
      'runs-incomparable',
      'the data sets differ',
    ],
    ['fewer classes', [first, runFigures('x', images, ['finger-1'])], 'runs-incomparable', '1 classes, not 3'],
    [
      'classes in a different order',
      [first, runFigures('x', images, ['finger-1', 'Pisiform', 'Radius'])],
      'runs-incomparable',
      '"Pisiform" as class 2, not "Radius"',
    ],
  ] as const)('rejects %s', (_, runs, code, message) => {
    expect(() => compareRuns(runs)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });
});

it('greatestDifferences lists the classes that differ most, in either direction', () => {
  const estimate = (mean: number) => ({ mean, interval: undefined });
  const difference = { images: 1, people: 1, changed: 0, all: estimate(0), p: 1, perClass: [0.01, -0.3, 0, 0.2].map(estimate) };
  expect(greatestDifferences(difference, 2).map(({ classIndex }) => classIndex)).toEqual([1, 3]);
  expect(greatestDifferences(difference, 9).length).toBe(3);
});
