import {
  DISTAL_PHALANX,
  type LongBone,
  type LongProfile,
  METACARPAL,
  MIDDLE_PHALANX,
  PROXIMAL_PHALANX,
  THUMB_METACARPAL,
} from './long-bones.ts';
import type { Point } from './outline.ts';

/**
 * A finger with its metacarpal: the base of the metacarpal, the tilt of each bone at rest in degrees (toward the little finger), and
 * soft-tissue radii.
 */
export type Ray = {
  readonly base: Point;
  readonly tilts: readonly number[];
  readonly tissue: readonly number[];
  /** From the metacarpal to the tip. */
  readonly bones: readonly LongBone[];
};

function long(index: number, length: number, profile: LongProfile, mean: number, spread = 0.09): LongBone {
  return { name: `finger-${index}`, length, profile, area: { mean, spread } };
}

export const RAYS: readonly Ray[] = [
  {
    base: [-29.1, 10],
    tilts: [-36, -26, -21],
    tissue: [14, 12, 11.2, 9.2],
    bones: [long(3, 45, THUMB_METACARPAL, 27043), long(2, 31, PROXIMAL_PHALANX, 16544), long(1, 23, DISTAL_PHALANX, 8116, 0.14)],
  },
  {
    base: [-11.3, 12.75],
    tilts: [-9, -7, -5, -3],
    tissue: [13.5, 12.2, 10.6, 9.5, 8],
    bones: [
      long(7, 67, METACARPAL, 35854),
      long(6, 40, PROXIMAL_PHALANX, 21708),
      long(5, 24, MIDDLE_PHALANX, 9903),
      long(4, 17, DISTAL_PHALANX, 5105),
    ],
  },
  {
    base: [0.5, 7.85],
    tilts: [-1.5, -0.5, 0, 0],
    tissue: [13.5, 12.4, 10.8, 9.7, 8.2],
    bones: [
      long(11, 65, METACARPAL, 32278),
      long(10, 45, PROXIMAL_PHALANX, 24206),
      long(9, 28.5, MIDDLE_PHALANX, 12597),
      long(8, 18, DISTAL_PHALANX, 5910),
    ],
  },
  {
    base: [11.2, 9],
    tilts: [6, 6, 5, 4],
    tissue: [13, 11.8, 10.3, 9.3, 7.9],
    bones: [
      long(15, 57, METACARPAL, 22200),
      long(14, 41, PROXIMAL_PHALANX, 18900),
      long(13, 27, MIDDLE_PHALANX, 10600),
      long(12, 18, DISTAL_PHALANX, 5668),
    ],
  },
  {
    base: [18.85, 4.1],
    tilts: [16, 22, 19, 15],
    tissue: [12.5, 10.8, 9.4, 8.5, 7.2],
    bones: [
      long(19, 53, METACARPAL, 24300),
      long(18, 33, PROXIMAL_PHALANX, 14400),
      long(17, 19.5, MIDDLE_PHALANX, 6250),
      long(16, 16, DISTAL_PHALANX, 3895, 0.1),
    ],
  },
];
