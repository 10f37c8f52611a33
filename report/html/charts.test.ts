import { describe, expect, it } from 'vitest';
import { lineChart } from './charts.ts';
import { barStart } from './class-table.ts';

const chart = (points: { x: number; y: number }[]): string =>
  lineChart({ title: 'Loss <of> fold', series: [{ label: 'fold 0', colour: '#000', points }], xLabel: 'epoch' });

describe('lineChart', () => {
  it('draws only finite points and escapes texts', () => {
    const svg = chart([
      { x: 1, y: 0.5 },
      { x: 2, y: Number.NaN },
      { x: 3, y: 0.7 },
    ]);
    expect(svg.match(/points="([^"]+)"/)?.[1]?.split(' ').length).toBe(2);
    expect(svg).not.toContain('NaN');
    expect(svg).toContain('Loss &lt;of&gt; fold');
  });

  it.each([
    ['no points', []],
    ['only infinite points', [{ x: 1, y: Number.POSITIVE_INFINITY }]],
  ])('says that there is no data for %s', (_, points) => {
    expect(chart(points)).toContain('No data yet');
  });

  it.each([
    ['one point', [{ x: 1, y: 0.5 }]],
    ['one point at zero', [{ x: 0, y: 0 }]],
    [
      'a flat line',
      [
        { x: 1, y: 2 },
        { x: 9, y: 2 },
      ],
    ],
    [
      'tiny values',
      [
        { x: 1, y: 1e-9 },
        { x: 2, y: 3e-9 },
      ],
    ],
    [
      'huge values',
      [
        { x: 1, y: -1e12 },
        { x: 1000, y: 1e12 },
      ],
    ],
  ])('keeps every coordinate of %s inside the chart', (_, points) => {
    const svg = chart(points);
    const numbers = [...svg.matchAll(/(?:points|cx|cy|x1|y1)="([^"]+)"/g)].flatMap(([, text = '']) => text.split(/[ ,]/).map(Number));
    expect(numbers.length).toBeGreaterThan(1);
    for (const number of numbers) expect(number >= 0 && number <= 560).toBe(true);
  });
});

describe('barStart', () => {
  it.each([
    [[0.95, 0.99], 0.9],
    [[0.85, 0.99], 0.8],
    [[0.2, 0.99], 0],
    [[0], 0],
  ])('returns for %j the start %f', (values, start) => {
    expect(barStart(values)).toBe(start);
  });
});
