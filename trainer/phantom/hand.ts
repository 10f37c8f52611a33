import { type Random, randomFor } from '@carpal/masks/random.ts';
import { type AreaLaw, IMAGE_UNITS, UNITS_PER_MILLIMETRE, WRIST_PIVOT } from './anatomy.ts';
import { RAYS } from './fingers.ts';
import { growLongBone } from './long-bones.ts';
import { mapOutline, type Outline, outlineArea, outlineCentre, type Point, smoothOutline, turn } from './outline.ts';
import type { Person } from './person.ts';
import { drawPose, type Pose, type Side } from './pose.ts';
import { type Capsule, forearmTissue, palmOutline, palmRods, rayTissue } from './tissue-plan.ts';
import { CARPALS, FOREARM } from './wrist.ts';

/** The 29 labels in the organiser's order. */
export const PHANTOM_CLASSES: readonly string[] = [
  ...Array.from({ length: 19 }, (_, index) => `finger-${index + 1}`),
  ...CARPALS.map((bone) => bone.name),
  ...FOREARM.map((bone) => bone.name),
];

export type BoneKind = 'long' | 'carpal' | 'forearm';

/**
 * A bone in the image: its outline and its axis (from the end near the elbow to the end near the fingertip) in image units. Both may extend
 * beyond the image.
 */
export type Bone = { readonly name: string; readonly kind: BoneKind; readonly outline: Outline; readonly axis: readonly [Point, Point] };

/** A hand in an image of 2048 × 2048 units, measured from the upper left corner (the edge, not a pixel centre), y down. */
export type Hand = {
  readonly person: Person;
  readonly side: Side;
  readonly pose: Pose;
  /** In the organiser's order. */
  readonly bones: readonly Bone[];
  readonly tissue: readonly Capsule[];
  /** The flat part of the palm, up to the webs between the fingers. */
  readonly palm: Outline;
  /** Image units per millimetre of an average hand, for this hand. */
  readonly unitsPerMillimetre: number;
};

/** The y coordinate of the capitate's middle, 95 mm above the lower edge of the image, and the margins to the other edges. */
const CAPITATE_Y = IMAGE_UNITS - 95 * UNITS_PER_MILLIMETRE;
const TOP_MARGIN = 62;
const SIDE_MARGIN = 60;

/** How much of the wrist's rotation happens below the proximal row of carpals. */
const PROXIMAL_ROW_SHARE = 0.85;

/** Builds one hand of a person: its shape and position. The result depends only on (seed, person, side). */
export function assembleHand(seed: number, person: Person, side: Side): Hand {
  const pose = drawPose(seed, person, side);
  const bones: Bone[] = [];
  const tissue: Capsule[] = [];
  const rays: Point[][] = [];

  for (const [index, ray] of RAYS.entries()) {
    let at = ray.base;
    const nodes: Point[] = [at];
    for (const [joint, long] of ray.bones.entries()) {
      const random = boneRandom(seed, person, side, long.name);
      const degrees = (ray.tilts[joint] ?? 0) + (pose.joints[index]?.[joint] ?? 0);
      const grown = growLongBone(long, areaFor(seed, person, long.name, long.area, random), random);
      const place = (point: Point): Point => {
        const [x, y] = turn(point, [0, 0], degrees);
        return [x + at[0], y + at[1]];
      };
      const end = place([0, grown.length]);
      bones.push({ name: long.name, kind: 'long', outline: mapOutline(grown.outline, place), axis: [at, end] });
      nodes.push(end);
      at = place([0, grown.length + (joint === 0 ? 1.5 : 1.1)]);
    }
    rays.push(nodes);
    tissue.push(...rayTissue(nodes, ray.tissue));
  }
  tissue.push(...palmRods(rays));

  for (const carpal of CARPALS) {
    const random = boneRandom(seed, person, side, carpal.name);
    const raw = smoothOutline(jitter(carpal.points, 0.35, random), 8);
    const [centreX, centreY] = outlineCentre(raw);
    const factor = Math.sqrt(areaFor(seed, person, carpal.name, carpal.area, random) / outlineArea(raw));
    const [moveX, moveY, degrees] = [0.35 * random.normal(), 0.35 * random.normal(), 3 * random.normal()];
    const outline = mapOutline(raw, (point) => {
      const [x, y] = turn(point, [centreX, centreY], degrees);
      return [centreX + (x - centreX) * factor + moveX, centreY + (y - centreY) * factor + moveY];
    });
    bones.push({
      name: carpal.name,
      kind: 'carpal',
      outline,
      axis: [
        [centreX, centreY - 5],
        [centreX, centreY + 5],
      ],
    });
  }
  for (const bone of FOREARM) {
    const random = boneRandom(seed, person, side, bone.name);
    const thickness = Math.exp(0.075 * random.normal());
    const [[middle]] = bone.axis;
    const points = jitter(bone.points, 0.3, random).map(([x, y]): Point => [middle + (x - middle) * thickness, y]);
    bones.push({ name: bone.name, kind: 'forearm', outline: smoothOutline(points, 8), axis: bone.axis });
  }

  const bent = bones.map((bone) => bendBone(bone, pose));
  const bentTissue = tissue.map((capsule) => mapCapsule(capsule, (point) => turn(point, WRIST_PIVOT, pose.wrist)));
  const palm = mapOutline(palmOutline(rays), (point) => turn(point, WRIST_PIVOT, pose.wrist));
  return placeInImage(person, side, pose, bent, [...bentTissue, ...forearmTissue()], palm);
}

/** The generator of one bone of one hand. */
function boneRandom(seed: number, person: Person, side: Side, name: string): Random {
  return randomFor(seed, 'bone', person.number, side, name);
}

/** The area of a bone in square millimetres (of an average hand). Most of the variation is shared by both hands of a person. */
function areaFor(seed: number, person: Person, name: string, law: AreaLaw, random: Random): number {
  const shared = 0.85 * randomFor(seed, 'bone', person.number, 'both', name).normal();
  const own = 0.53 * random.normal();
  const factor = Math.exp(law.spread * Math.max(-2.5, Math.min(2.5, shared + own)) - law.spread ** 2 / 2);
  return (law.mean * factor) / UNITS_PER_MILLIMETRE ** 2;
}

function jitter(points: readonly Point[], amount: number, random: Random): Point[] {
  return points.map(([x, y]) => [x + amount * random.normal(), y + amount * random.normal()]);
}

/** Rotates the hand at the wrist: the proximal row of carpals rotates most of the way, the forearm does not move. */
function bendBone(bone: Bone, pose: Pose): Bone {
  if (bone.kind === 'forearm') return bone;
  const isProximal = CARPALS.some((carpal) => carpal.name === bone.name && carpal.row === 'proximal');
  const degrees = pose.wrist * (isProximal ? PROXIMAL_ROW_SHARE : 1);
  const bend = (point: Point): Point => turn(point, WRIST_PIVOT, degrees);
  return { ...bone, outline: mapOutline(bone.outline, bend), axis: [bend(bone.axis[0]), bend(bone.axis[1])] };
}

function mapCapsule(capsule: Capsule, move: (point: Point) => Point): Capsule {
  return { ...capsule, from: move(capsule.from), to: move(capsule.to) };
}

/** Converts millimetres to image units: rotated with the forearm, mirrored for a left hand, centred in the image and inside its margins. */
function placeInImage(person: Person, side: Side, pose: Pose, bones: readonly Bone[], tissue: readonly Capsule[], palm: Outline): Hand {
  const scale = UNITS_PER_MILLIMETRE * person.handScale;
  const mirror = side === 'left' ? -1 : 1;
  const place = (point: Point): Point => {
    const [x, y] = turn(point, WRIST_PIVOT, pose.forearm);
    return [mirror * x * scale, -y * scale];
  };
  const placed = bones.map((bone) => ({
    ...bone,
    outline: mapOutline(bone.outline, place),
    axis: [place(bone.axis[0]), place(bone.axis[1])] as const,
  }));
  const box = handBox(placed);
  const width = box.right - box.left;
  const room = Math.max(0, (IMAGE_UNITS - width) / 2 - SIDE_MARGIN);
  const moveX = IMAGE_UNITS / 2 - (box.left + box.right) / 2 + Math.max(-room, Math.min(room, pose.shiftX));
  // Larger hands are placed slightly lower, as in the real images, to keep the fingertips inside.
  const target = CAPITATE_Y + 620 * (person.handScale - 1) + pose.shiftY;
  const moveY = Math.max(target, TOP_MARGIN - box.top);
  const shift = ([x, y]: Point): Point => [x + moveX, y + moveY];
  return {
    person,
    side,
    pose,
    bones: placed
      .map((bone) => ({ ...bone, outline: mapOutline(bone.outline, shift), axis: [shift(bone.axis[0]), shift(bone.axis[1])] as const }))
      .sort((a, b) => PHANTOM_CLASSES.indexOf(a.name) - PHANTOM_CLASSES.indexOf(b.name)),
    tissue: tissue.map((capsule) => ({
      ...mapCapsule(capsule, (point) => shift(place(point))),
      fromRadius: capsule.fromRadius * scale,
      toRadius: capsule.toRadius * scale,
    })),
    palm: mapOutline(palm, (point) => shift(place(point))),
    unitsPerMillimetre: scale,
  };
}

/** The bounding box of the hand without the forearm. */
function handBox(bones: readonly Bone[]): { left: number; right: number; top: number } {
  let [left, right, top] = [Infinity, -Infinity, Infinity];
  for (const bone of bones) {
    if (bone.kind === 'forearm') continue;
    for (let i = 0; i < bone.outline.length; i += 2) {
      left = Math.min(left, bone.outline[i] ?? 0);
      right = Math.max(right, bone.outline[i] ?? 0);
      top = Math.min(top, bone.outline[i + 1] ?? 0);
    }
  }
  return { left, right, top };
}
