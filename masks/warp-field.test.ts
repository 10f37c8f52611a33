import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldSource, fieldTarget, type Place, unfoldedField, type WarpField } from './warp-field.ts';

/** Fields of any strength in a 100 × 100 image; unfoldedField must reduce the strong ones. */
const field = fc
  .record({
    columns: fc.integer({ min: 1, max: 7 }),
    rows: fc.integer({ min: 1, max: 7 }),
    spacing: fc.double({ min: 5, max: 60, noNaN: true }),
    left: fc.double({ min: -60, max: 20, noNaN: true }),
    top: fc.double({ min: -60, max: 20, noNaN: true }),
    strength: fc.double({ min: 0, max: 80, noNaN: true }),
    values: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 98, maxLength: 98 }),
  })
  .map(({ values, strength, ...grid }): WarpField => {
    const count = grid.columns * grid.rows;
    const moves = (from: number): Float64Array => Float64Array.from(values.slice(from, from + count), (value) => value * strength);
    return { ...grid, moveX: moves(0), moveY: moves(49) };
  });
const coordinate = fc.double({ min: -150, max: 250, noNaN: true });

const at = (map: typeof fieldSource, of: WarpField, x: number, y: number, guess: Place = { x, y }): Place => {
  const place = { ...guess };
  map(of, x, y, place);
  return place;
};
const apart = (a: Place, b: Place): number => Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y));

describe('a warp field', () => {
  it('is inverted by fieldTarget inside the image and far outside, from any guess', () => {
    fc.assert(
      fc.property(field, coordinate, coordinate, coordinate, (any, x, y, guess) => {
        const tame = unfoldedField(any);
        const target = at(fieldTarget, tame, x, y);
        expect(apart(at(fieldSource, tame, target.x, target.y), { x, y })).toBeLessThan(0.1);
        const source = at(fieldSource, tame, x, y);
        expect(apart(at(fieldTarget, tame, source.x, source.y, { x: guess, y: -guess }), { x, y })).toBeLessThan(1 / 16);
      }),
    );
  });

  it('does not fold: the distance of two places changes to 0.4 … 1.6 of its value', () => {
    fc.assert(
      fc.property(field, coordinate, coordinate, coordinate, coordinate, (any, x0, y0, x1, y1) => {
        const tame = unfoldedField(any);
        const before = apart({ x: x0, y: y0 }, { x: x1, y: y1 });
        const after = apart(at(fieldSource, tame, x0, y0), at(fieldSource, tame, x1, y1));
        expect(after).toBeGreaterThanOrEqual(0.4 * before - 1e-9);
        expect(after).toBeLessThanOrEqual(1.6 * before + 1e-9);
      }),
    );
  });

  it('moves no place further than its control points', () => {
    fc.assert(
      fc.property(field, coordinate, coordinate, (any, x, y) => {
        const most = Math.max(...any.moveX.map(Math.abs), ...any.moveY.map(Math.abs));
        expect(apart(at(fieldSource, any, x, y), { x, y })).toBeLessThanOrEqual(most + 1e-9);
      }),
    );
  });

  it('with equal moves is a translation, and stays unchanged because it does not fold', () => {
    const moves = (value: number): Float64Array => new Float64Array(6).fill(value);
    const shift: WarpField = { left: 3, top: 4, spacing: 10, columns: 3, rows: 2, moveX: moves(5), moveY: moves(-2) };
    expect(unfoldedField(shift)).toBe(shift);
    expect(at(fieldSource, shift, 7, 90)).toEqual({ x: expect.closeTo(12), y: expect.closeTo(88) });
    expect(at(fieldTarget, shift, 12, 88)).toEqual({ x: expect.closeTo(7), y: expect.closeTo(90) });
  });

  it('is smooth: the move at a control point is 1/6, 2/3 and 1/6 of its neighbours', () => {
    const moveX = Float64Array.of(0, 6, 12, 0, 0);
    const bump: WarpField = { left: 0, top: 0, spacing: 100, columns: 5, rows: 1, moveX, moveY: new Float64Array(5) };
    expect(at(fieldSource, bump, 100, 0).x).toBeCloseTo(100 + (0 + 4 * 6 + 12) / 6);
  });

  it('needs one move per control point', () => {
    const short: WarpField = { left: 0, top: 0, spacing: 1, columns: 2, rows: 2, moveX: new Float64Array(4), moveY: new Float64Array(3) };
    expect(() => unfoldedField(short)).toThrow('2 × 2 control points');
  });
});
