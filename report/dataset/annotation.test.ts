import { describe, expect, it } from 'vitest';
import { parseAnnotation, readAnnotation } from './annotation.ts';
import { temporaryFolder, writeUnder } from './testing/small-dataset.ts';

const CLASSES = ['first', 'second'];
const triangle = [
  [1, 2],
  [5, 2],
  [3, 9],
];
const withAnnotations = (...annotations: unknown[]): string => JSON.stringify({ annotations, metadata: { width: 3060, height: 3060 } });

describe('parseAnnotation', () => {
  it.each([
    { nesting: '[[x, y], …]', points: triangle },
    { nesting: '[[[x, y], …]]', points: [triangle] },
  ])('reads points given as $nesting and does not scale them by the metadata', ({ points }) => {
    const { polygons, faults } = parseAnnotation(withAnnotations({ label: 'second', points }), CLASSES);
    expect(polygons.map((polygon) => Array.from(polygon))).toEqual([[], [1, 2, 5, 2, 3, 9]]);
    expect(faults).toEqual([]);
  });

  it('reads a file that starts with a byte order mark', () => {
    const { polygons, faults } = parseAnnotation(`\uFEFF${withAnnotations({ label: 'second', points: triangle })}`, CLASSES);
    expect(faults).toEqual([]);
    expect(polygons[1]).toHaveLength(6);
  });

  it('lists the classes that are missing', () => {
    expect(parseAnnotation(withAnnotations({ label: 'second', points: triangle }), CLASSES).missingClasses).toEqual(['first']);
  });

  it('lists every fault, not only the first', () => {
    const text = withAnnotations(
      { label: 'first', points: [] },
      { label: 'ring', points: triangle },
      { label: 'second', points: triangle },
    );
    const { polygons, faults } = parseAnnotation(text, CLASSES);
    expect(faults.map(({ place }) => place)).toEqual(['annotations[0] (first)', 'annotations[1] (ring)']);
    expect(polygons[1]).toHaveLength(6);
  });
});

describe('readAnnotation', () => {
  it.each([
    {
      fault: 'two points',
      text: withAnnotations({ label: 'first', points: triangle.slice(1) }),
      message: /annotations\[0\] \(first\) has 2 points; a polygon needs three/,
    },
    { fault: 'two points, nested', text: withAnnotations({ label: 'first', points: [triangle.slice(1)] }), message: /has 2 points/ },
    { fault: 'an unknown label', text: withAnnotations({ label: 'ring', points: triangle }), message: /has the unknown label "ring"/ },
    { fault: 'no label', text: withAnnotations({ points: triangle }), message: /annotations\[0\] has no label/ },
    { fault: 'NaN', text: '{"annotations":\n[{"label":"first","points":[[1,2],[NaN,3],[4,4]]}]}', message: /line 2 holds NaN/ },
    { fault: 'Infinity', text: '{"annotations":[{"label":"first","points":[[1,2],[3,-Infinity],[4,4]]}]}', message: /holds -Infinity/ },
    {
      fault: 'null for a number',
      text: withAnnotations({ label: 'first', points: [...triangle, [null, 3]] }),
      message: /\[null,3\] at points\[3\]/,
    },
    {
      fault: 'text for a number',
      text: withAnnotations({ label: 'first', points: [...triangle, ['1', 3]] }),
      message: /\["1",3\] at points\[3\]/,
    },
    { fault: 'a number too large', text: '{"annotations":[{"label":"first","points":[[1,2],[3,1e999],[4,4]]}]}', message: /points\[1\]/ },
    { fault: 'three coordinates', text: withAnnotations({ label: 'first', points: [[1, 2, 3], ...triangle] }), message: /points\[0\]/ },
    { fault: 'several rings', text: withAnnotations({ label: 'first', points: [triangle, triangle] }), message: /has 2 rings/ },
    {
      fault: 'a repeated class',
      text: withAnnotations({ label: 'first', points: triangle }, { label: 'first', points: triangle }),
      message: /annotations\[1\] \(first\) repeats the label of annotations\[0\]/,
    },
    { fault: 'no points', text: withAnnotations({ label: 'first' }), message: /has no list "points"/ },
    { fault: 'no annotations', text: '{}', message: /has no list "annotations"/ },
    { fault: 'text that is not JSON', text: '<xml/>', message: /is not JSON/ },
    { fault: 'an empty file', text: '', message: /is not JSON/ },
    { fault: 'null', text: 'null', message: /has no list "annotations"/ },
  ])('rejects $fault and names the file', async ({ text, message }) => {
    const path = await writeUnder(await temporaryFolder(), 'a.json', text);
    await expect(readAnnotation(path, CLASSES)).rejects.toMatchObject({
      code: 'annotation-invalid',
      where: path,
      message: expect.stringMatching(message),
    });
  });

  it('reports a missing file and an invalid file with different error codes', async () => {
    await expect(readAnnotation('/nowhere/a.json', CLASSES)).rejects.toMatchObject({
      code: 'annotation-missing',
      where: '/nowhere/a.json',
    });
  });

  it('returns an empty polygon for a missing class, or throws if strict', async () => {
    const path = await writeUnder(await temporaryFolder(), 'a.json', withAnnotations({ label: 'first', points: triangle }));
    expect((await readAnnotation(path, CLASSES))[1]).toHaveLength(0);
    await expect(readAnnotation(path, CLASSES, { strict: true })).rejects.toMatchObject({ message: 'no polygon for second' });
  });
});
