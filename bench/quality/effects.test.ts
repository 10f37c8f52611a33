import { describe, expect, it } from 'vitest';
import { ceilingClaim, overlapClaim, readingClaim, verdictOf } from './effects.ts';
import { diceInterval, gainOver, type ReadingFigure, readingFigure } from './reading-figure.ts';

const figure = (...dice: readonly number[]): ReadingFigure => ({
  dice: dice.reduce((sum, value) => sum + value, 0) / dice.length,
  perClass: [],
  people: dice.map((value, index) => ({ group: `ID00${index}`, answers: 2, sum: 2 * value })),
});
const claim = { text: 'Ours is better', better: 'ours', worse: 'theirs' };
const said = (ours: ReadingFigure, theirs: ReadingFigure) =>
  readingClaim(
    claim,
    new Map([
      ['ours', ours],
      ['theirs', theirs],
    ]),
  );

describe('a claim about two readings', () => {
  it('is confirmed, refuted or not decided by where the interval over people lies, and by their number', () => {
    const [low, high] = [figure(0.5, 0.6, 0.7, 0.65, 0.6, 0.5), figure(0.55, 0.66, 0.74, 0.7, 0.64, 0.56)];
    expect(said(high, low)).toMatch(/^\*\*Ours is better: confirmed\*\*, \+0\.0500 \(\+0\.0\d+ to \+0\.0\d+, p 0\.031\)\.$/);
    expect(said(low, high)).toContain('refuted**, −0.0500');
    expect(said(figure(0.55, 0.66, 0.74, 0.7), figure(0.5, 0.6, 0.7, 0.65))).toContain('not decided**, +0.0500');
    expect(said(figure(0.5, 0.7, 0.6), figure(0.6, 0.6, 0.6))).toContain('not decided');
    expect(verdictOf(gainOver(low, low))).toBe('not decided');
  });

  it('is left out until both are measured, and cannot be made over other people', () => {
    expect(readingClaim(claim, new Map([['ours', figure(0.5)]]))).toBeUndefined();
    expect(() => said(figure(0.5, 0.6), figure(0.5))).toThrow('ID001');
  });
});

describe('the claim about targets', () => {
  const rows = (area: number) => [
    { size: 128, kind: 'area' as const, dice: area, perClass: [] },
    { size: 128, kind: 'nearest' as const, dice: 0.9, perClass: [] },
    { size: 128, kind: 'floor' as const, dice: 0.8, perClass: [] },
  ];

  it('follows the figures', () => {
    expect(ceilingClaim({ sheet: 512, sheets: 1, rows: rows(0.95) })).toContain(
      'confirmed** on sheets of 512 px: at 128 px 0.9500 instead of 0.9000',
    );
    expect(ceilingClaim({ sheet: 512, sheets: 1, rows: rows(0.85) })).toContain('refuted');
    expect(ceilingClaim({ sheet: 512, sheets: 1, rows: [] })).toBeUndefined();
    const both = [...rows(0.95), ...rows(0.85).map((row) => ({ ...row, size: 256 }))];
    expect(ceilingClaim({ sheet: 512, sheets: 1, rows: both })).toContain('confirmed at 128 px only');
  });
});

describe('the claim about one label a pixel', () => {
  it('is refuted where bones do not overlap', () => {
    const perfect = { dice: 1, perClass: [] };
    const none = { sheets: 1, sharedOfBone: 0, sharedOfImage: 0, smallerTakes: perfect, largerTakes: perfect };
    expect(overlapClaim(none)).toContain('refuted');
    expect(
      overlapClaim({ ...none, sharedOfBone: 0.0123, smallerTakes: { dice: 0.97, perClass: [] }, largerTakes: { dice: 0.9, perClass: [] } }),
    ).toContain("confirmed.** 1.23 % of the bones' pixels");
  });
});

describe('what a reading gave', () => {
  it('is averaged over sets of networks and told by person', () => {
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
