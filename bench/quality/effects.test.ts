import { describe, expect, it } from 'vitest';
import { ceilingText, cropsText, effectRow, overlapText } from './effects.ts';
import { diceInterval, type ReadingFigure, readingFigure } from './reading-figure.ts';

const figure = (...dice: readonly number[]): ReadingFigure => ({
  dice: dice.reduce((sum, value) => sum + value, 0) / dice.length,
  perClass: [],
  people: dice.map((value, index) => ({ group: `ID00${index}`, answers: 2, sum: 2 * value })),
});
const effect = { change: 'a change', changed: 'with', base: 'without' };
const row = (changed: ReadingFigure, base: ReadingFigure) =>
  effectRow(
    effect,
    new Map([
      ['with', changed],
      ['without', base],
    ]),
  );

describe('effectRow', () => {
  it('shows the mean difference over people and its interval, without a verdict', () => {
    const [low, high] = [figure(0.5, 0.6, 0.7, 0.65, 0.6, 0.5), figure(0.55, 0.66, 0.74, 0.7, 0.64, 0.56)];
    expect(row(high, low)).toEqual(['a change', 'with − without', expect.stringMatching(/^\+0\.0500 \(\+0\.0\d+ to \+0\.0\d+\)$/)]);
    expect(row(low, high)?.[2]).toMatch(/^−0\.0500 \(−0\.0\d+ to −0\.0\d+\)$/);
    expect(row(figure(0.5, 0.7, 0.6), figure(0.6, 0.6, 0.6))?.[2]).toMatch(/^\+0\.0000 \(−0\.\d+ to \+0\.\d+\)$/);
  });

  it('is undefined until both readings are measured, and throws for readings of different people', () => {
    expect(effectRow(effect, new Map([['with', figure(0.5)]]))).toBeUndefined();
    expect(() => row(figure(0.5, 0.6), figure(0.5))).toThrow('ID001');
  });
});

describe('cropsText', () => {
  it('separates the gain of the carpals from that of the other bones', () => {
    const reading = (perClass: readonly number[]): ReadingFigure => ({ ...figure(0.5), perClass });
    const readings = new Map([
      ['single', reading([0.5, 0.6, 0.7])],
      ['crops', reading([0.6, 0.65, 0.69])],
    ]);
    expect(cropsText(readings, [0, 1])).toBe('Crops change the mean Dice of the carpals by +0.0750, of all other bones by −0.0100.');
    expect(cropsText(new Map([['crops', reading([1])]]), [0])).toBeUndefined();
  });
});

describe('ceilingText', () => {
  const rows = (area: number) => [
    { size: 128, kind: 'area' as const, dice: area, perClass: [] },
    { size: 128, kind: 'nearest' as const, dice: 0.9, perClass: [] },
    { size: 128, kind: 'floor' as const, dice: 0.8, perClass: [] },
  ];

  it('shows how much area targets gain at each size', () => {
    const text = (area: number) => ceilingText({ imageSize: 512, images: 3, rows: rows(area) });
    expect(text(0.95)).toContain('3 images of 512 px: at 128 px +0.0500 over nearest and +0.1500 over cv2.INTER_NEAREST.');
    expect(text(0.85)).toContain('−0.0500 over nearest');
    expect(ceilingText({ imageSize: 512, images: 1, rows: [] })).toBeUndefined();
  });
});

describe('overlapText', () => {
  it('shows the highest Dice with one label per pixel', () => {
    const score = (dice: number) => ({ dice, perClass: [] });
    const figures = { images: 1, sharedOfBone: 0.0123, sharedOfImage: 0, smallerTakes: score(0.97), largerTakes: score(0.9) };
    expect(overlapText(figures)).toContain(
      '0.9700 if shared pixels belong to the smaller bone, 0.9000 if they belong to the larger one. 1.23 %',
    );
  });
});

describe('readingFigure', () => {
  it('averages over sets of networks and sums up per person', () => {
    const images = [
      { imageName: 'a.png', dice: 0.4 },
      { imageName: 'b.png', dice: 0.6 },
      { imageName: 'c.png', dice: 0.8 },
    ];
    const scores = [
      { perClass: [0.5, 0.7], perImage: images },
      { perClass: [0.7, 0.9], perImage: images },
    ];
    const found = readingFigure(scores, (name) => (name === 'c.png' ? 'ID002' : 'ID001'));
    expect(found.dice).toBeCloseTo(0.7);
    expect(found.perClass.map((dice) => dice.toFixed(2))).toEqual(['0.60', '0.80']);
    expect(found.people.map(({ group, answers, sum }) => [group, answers, sum.toFixed(2)])).toEqual([
      ['ID001', 4, '2.00'],
      ['ID002', 2, '1.60'],
    ]);
    expect(diceInterval(found)?.low).toBeCloseTo(0.5);
    expect(diceInterval(figure(0.5))).toBeUndefined();
  });
});
