import type { Random } from '@carpal/masks/random.ts';
import { type AreaLaw, UNITS_PER_MILLIMETRE } from './anatomy.ts';
import { mapOutline, type Outline, outlineArea, type Point, smoothOutline } from './outline.ts';

/**
 * Half an outline of a long bone: [fraction of the length from the near end, half width]. Widths are relative; the area determines their
 * scale.
 */
export type LongProfile = readonly Point[];

export type LongBone = { readonly name: string; readonly length: number; readonly profile: LongProfile; readonly area: AreaLaw };

export const METACARPAL: LongProfile = [
  [0.015, 0],
  [0, 0.55],
  [0.02, 0.88],
  [0.07, 0.98],
  [0.15, 0.82],
  [0.28, 0.58],
  [0.45, 0.49],
  [0.62, 0.5],
  [0.76, 0.64],
  [0.86, 0.86],
  [0.92, 0.93],
  [0.965, 0.76],
  [0.993, 0.4],
  [1, 0],
];
export const THUMB_METACARPAL: LongProfile = [
  [0.03, 0],
  [0, 0.5],
  [0.025, 0.9],
  [0.09, 1],
  [0.2, 0.78],
  [0.38, 0.6],
  [0.58, 0.58],
  [0.74, 0.7],
  [0.86, 0.9],
  [0.94, 0.86],
  [0.985, 0.5],
  [1, 0],
];
export const PROXIMAL_PHALANX: LongProfile = [
  [0.03, 0],
  [0.008, 0.45],
  [0.004, 0.82],
  [0.045, 1.02],
  [0.11, 0.95],
  [0.22, 0.73],
  [0.4, 0.6],
  [0.6, 0.54],
  [0.76, 0.58],
  [0.87, 0.72],
  [0.94, 0.75],
  [0.985, 0.58],
  [0.995, 0.3],
  [0.975, 0],
];
export const MIDDLE_PHALANX: LongProfile = [
  [0.015, 0],
  [0.02, 0.4],
  [0.004, 0.8],
  [0.06, 1.02],
  [0.15, 0.9],
  [0.3, 0.64],
  [0.5, 0.53],
  [0.7, 0.56],
  [0.83, 0.72],
  [0.92, 0.78],
  [0.98, 0.6],
  [0.995, 0.3],
  [0.97, 0],
];
export const DISTAL_PHALANX: LongProfile = [
  [0.01, 0],
  [0.015, 0.45],
  [0.01, 0.82],
  [0.08, 1.02],
  [0.2, 0.82],
  [0.38, 0.52],
  [0.58, 0.42],
  [0.74, 0.5],
  [0.86, 0.64],
  [0.95, 0.54],
  [0.99, 0.28],
  [1, 0],
];

/** A long bone of the given area in square millimetres, from the origin along y. Area and length determine its width. */
export function growLongBone(bone: LongBone, area: number, random: Random): { outline: Outline; length: number } {
  // A longer bone of the same person is also wider, so part of the area's variation goes into the length.
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
