import fc from 'fast-check';
import { expect, it } from 'vitest';
import { polygonArea } from './annotation.ts';
import { decodePolygons, encodePolygons } from './prepared-set.ts';

it('decodePolygons returns the encoded polygons, also from the middle of a buffer', () => {
  const polygon = fc
    .array(fc.integer({ min: -100_000, max: 100_000 }), { maxLength: 40 })
    .map((values) => values.slice(0, values.length & ~1));
  fc.assert(
    fc.property(fc.array(polygon, { maxLength: 5 }), fc.integer({ min: 0, max: 7 }), (polygons, offset) => {
      const bytes = encodePolygons(polygons);
      const moved = new Uint8Array(bytes.length + offset);
      moved.set(bytes, offset);
      expect(decodePolygons(moved.subarray(offset), polygons.length, 'x').map((one) => Array.from(one))).toEqual(polygons);
    }),
  );
});

it.each([
  { damage: 'truncated', bytes: encodePolygons([[1, 2, 3, 4, 5, 6]]).slice(0, -4) },
  { damage: 'truncated within a number', bytes: encodePolygons([[1, 2, 3, 4, 5, 6]]).slice(0, -3) },
  { damage: 'too long', bytes: new Uint8Array([...encodePolygons([[1, 2, 3, 4, 5, 6]]), 0, 0, 0, 0]) },
  { damage: 'of other classes', bytes: encodePolygons([[1, 2], []]) },
  { damage: 'empty', bytes: new Uint8Array(0) },
  { damage: 'claiming more points than it has', bytes: new Uint8Array(new Uint32Array([1, 0xffffffff]).buffer) },
])('decodePolygons rejects a file that is $damage', ({ bytes }) => {
  expect(() => decodePolygons(bytes, 1, 'a.f32')).toThrow(expect.objectContaining({ code: 'prepared-invalid', where: 'a.f32' }));
});

it('polygonArea is the same for both directions of an outline', () => {
  expect(polygonArea([0, 0, 4, 0, 4, 3, 0, 3])).toBe(12);
  expect(polygonArea([0, 3, 4, 3, 4, 0, 0, 0])).toBe(12);
  expect(polygonArea([])).toBe(0);
});
