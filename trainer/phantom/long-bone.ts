import type { Random } from '@carpal/masks/random.ts';
import { UNITS_PER_MILLIMETRE } from './anatomy.ts';
import type { LongBone } from './fingers.ts';
import { mapOutline, type Outline, outlineArea, type Point, smoothOutline } from './outline.ts';

/** A long bone of the given area in square millimetres, standing on the origin along y. Its width follows from area and length. */
export function growLongBone(bone: LongBone, area: number, random: Random): { outline: Outline; length: number } {
  // A longer bone of the same person is a wider one too, so a part of the area's own noise goes into the length.
  const usual = bone.area.mean / UNITS_PER_MILLIMETRE ** 2;
  const length = bone.length * (area / usual) ** 0.35 * Math.exp(0.02 * random.normal());
  const lean = 0.05 * random.normal();
  const half = (sign: number): Point[] =>
    bone.profile.map(([along, across]): Point => {
      const own = across === 0 ? 0 : 0.03 * random.normal();
      return [sign * (across + own) + lean * Math.sin(Math.PI * along), along];
    });
  const outline = smoothOutline([...half(1).slice(0, -1), ...half(-1).slice(1).reverse()], 6);
  const width = area / (length * outlineArea(outline));
  return { outline: mapOutline(outline, ([x, y]) => [x * width, y * length]), length };
}
