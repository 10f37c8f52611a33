import { randomFor } from '@carpal/masks/random.ts';
import { RAYS } from './fingers.ts';
import type { Half, Person } from './person.ts';

export type Side = 'right' | 'left';

/** The pose of a hand. Angles in degrees, positive toward the little finger; shifts in image units. */
export type Pose = {
  /** The angle between hand and forearm. */
  readonly wrist: number;
  /** Whether the wrist counts as rotated: 15° or more. */
  readonly rotated: boolean;
  /** The angle between the forearm and the vertical. */
  readonly forearm: number;
  /** Angles added to the tilt at rest: for each ray, the metacarpal and then its other bones. */
  readonly joints: readonly (readonly number[])[];
  readonly shiftX: number;
  readonly shiftY: number;
};

/** The fraction of hands with a rotated wrist: low in the training half, high in the test half. */
const ROTATED_SHARE: Readonly<Record<Half, number>> = { train: 0.105, test: 0.573 };

/** The angle from which a wrist counts as rotated. */
const ROTATED_FROM_DEGREES = 15;

/** Whether the wrist of this hand is rotated: evenly distributed over the hands of a half, so that a small set has its share too. */
function isRotated(seed: number, person: Person, side: Side): boolean {
  const share = ROTATED_SHARE[person.half];
  const hand = 2 * person.number + (side === 'left' ? 1 : 0) + randomFor(seed, 'rotated', person.half).next() * 100;
  return Math.floor((hand + 1) * share) > Math.floor(hand * share);
}

/** The pose of one hand of one person. */
export function drawPose(seed: number, person: Person, side: Side): Pose {
  const random = randomFor(seed, 'pose', person.number, side);
  const rotated = isRotated(seed, person, side);
  const toLittleFinger = random.next() < 0.7;
  const bend = ROTATED_FROM_DEGREES + (toLittleFinger ? 30 : 18) * random.next() ** 1.3;
  const wrist = rotated ? (toLittleFinger ? bend : -bend) : Math.max(-13, Math.min(13, 5.5 * random.normal()));
  // A person with a rotated wrist turns the forearm the other way, which keeps the hand in the image.
  const forearm = -0.2 * wrist + (rotated ? 8 : 13) * random.normal();
  const spread = Math.max(-0.5, 0.55 + 0.6 * random.normal());
  const joints = RAYS.map((ray, index) => {
    const fan = index === 0 ? -9 * (spread - 0.5) + 7 * random.normal() : (index - 2) * 5 * spread + 2.5 * random.normal();
    const curl = (index === 0 ? 8 : index === 4 ? 5 : 2.5) * random.normal();
    return ray.bones.map((_, joint) => {
      if (joint === 0) return index === 0 ? fan * 0.8 : fan * 0.16 + 0.6 * random.normal();
      return fan + (curl * (joint - 1)) / 2 + 1.5 * random.normal();
    });
  });
  return { wrist, rotated, forearm, joints, shiftX: 45 * random.normal(), shiftY: 34 * random.normal() };
}
