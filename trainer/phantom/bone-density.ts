import type { Random } from '@carpal/masks/random.ts';
import type { Field } from './field.ts';
import type { Bone } from './hand.ts';
import { mapOutline } from './outline.ts';
import { fillOutline, innerDistance, outlineBox } from './raster.ts';
import { type Textures, texel } from './texture.ts';

/** How much the spongy interior absorbs compared with the cortex, and how much the grain varies this absorption. */
const SPONGE = 0.23;
const GRAIN = 0.3;
const CLOUD = 0.12;
/** Millimetres added by the plate at the border. */
const PLATE = 1.9;
/** Texture values per millimetre across the bone. */
const GRAIN_PER_MILLIMETRE = 6;

/**
 * Adds a bone to the field as a body that is about as deep as it is wide. A dense shell, thick along the shaft of a long bone and thin at
 * its ends, surrounds a spongy interior whose grain follows the bone. `millimetre` is the number of pixels per millimetre.
 */
export function addBoneDensity(
  field: Field,
  bone: Bone,
  unitsPerPixel: number,
  millimetre: number,
  textures: Textures,
  random: Random,
): void {
  const { side, values } = field;
  const outline = mapOutline(bone.outline, ([x, y]) => [x / unitsPerPixel, y / unitsPerPixel]);
  // Bones continue below the image. A strip below the edge is included so that no shell appears where the edge cuts them.
  const box = outlineBox(outline, 2, { left: -8, top: -8, right: side + 8, bottom: side + Math.ceil(14 * millimetre) });
  const width = box.right - box.left;
  const height = box.bottom - box.top;
  if (width <= 0 || height <= 0) return;
  const distance = innerDistance(fillOutline(outline, box), width, height);
  const [[startX, startY], [endX, endY]] = bone.axis;
  const length = Math.hypot(endX - startX, endY - startY) / (unitsPerPixel * millimetre);
  const [alongX, alongY] = [
    (endX - startX) / (unitsPerPixel * millimetre * length),
    (endY - startY) / (unitsPerPixel * millimetre * length),
  ];
  const [originX, originY] = [startX / unitsPerPixel, startY / unitsPerPixel];
  const station = (x: number, y: number): number => ((x - originX) * alongX + (y - originY) * alongY) / millimetre;
  const radii = radiusProfile(bone, distance, box, width, height, length, millimetre, station);
  const [grainX, grainY] = [random.integer(512), random.integer(512)];
  const density = Math.exp(0.06 * random.normal());
  const stretch = bone.kind === 'carpal' ? 1.1 : 0.5;

  for (let y = Math.max(0, box.top); y < Math.min(side, box.bottom); y++) {
    for (let x = Math.max(0, box.left); x < Math.min(side, box.right); x++) {
      const pixels = distance[(y - box.top) * width + x - box.left] as number;
      if (pixels <= 0) continue;
      const along = station(x + 0.5, y + 0.5);
      const across = (-(x + 0.5 - originX) * alongY + (y + 0.5 - originY) * alongX) / millimetre;
      const radius = radii[Math.max(0, Math.min(radii.length - 1, Math.round(along) + MARGIN))] as number;
      const depth = Math.min(radius, pixels / millimetre);
      const shell = shellThickness(bone, along, length, radius);
      const whole = chord(depth, radius);
      const inside = depth > shell ? chord(depth - shell, radius - shell) : 0;
      const fine = texel(
        textures.grain,
        Math.round(across * GRAIN_PER_MILLIMETRE) + grainX,
        Math.round(along * GRAIN_PER_MILLIMETRE * stretch) + grainY,
      );
      const soft = texel(textures.cloud, Math.round(across * 5) + grainY, Math.round(along * 3) + grainX);
      const sponge = SPONGE * spongeShare(bone, along, length) * Math.max(0.2, 1 + GRAIN * fine + CLOUD * soft);
      const at = y * side + x;
      values[at] =
        (values[at] as number) + density * (whole - inside + sponge * inside + plate(depth, radius) * Math.max(0, 1 + 0.4 * soft));
    }
  }
}

/** Millimetres of profile beyond both ends of the axis. */
const MARGIN = 12;

/** The bone's half depth for every millimetre along its axis: the largest inner distance there, smoothed. */
function radiusProfile(
  bone: Bone,
  distance: Float32Array,
  box: { left: number; top: number },
  width: number,
  height: number,
  length: number,
  millimetre: number,
  station: (x: number, y: number) => number,
): Float32Array {
  const radii = new Float32Array(Math.ceil(length) + 2 * MARGIN + 1);
  let largest = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const depth = (distance[y * width + x] as number) / millimetre;
      if (depth <= 0) continue;
      const at = Math.max(0, Math.min(radii.length - 1, Math.round(station(x + box.left, y + box.top)) + MARGIN));
      radii[at] = Math.max(radii[at] as number, depth);
      largest = Math.max(largest, depth);
    }
  }
  if (bone.kind === 'carpal') return radii.fill(1.08 * largest);
  const smooth = radii.slice();
  for (let i = 0; i < radii.length; i++) {
    let sum = 0;
    for (let k = -2; k <= 2; k++) sum += radii[Math.max(0, Math.min(radii.length - 1, i + k))] as number;
    // Ends are rounded in depth too, but less than their inner distance suggests.
    smooth[i] = Math.max(sum / 5, radii[i] as number, 0.45 * largest);
  }
  return smooth;
}

/** The path length through a cylinder of this radius at a depth below its border. */
function chord(depth: number, radius: number): number {
  return depth <= 0 ? 0 : 2 * Math.sqrt(Math.max(0, (2 * radius - depth) * depth));
}

/**
 * The plate at the border seen edge-on: the thin white line around every bone, brighter than a round shell alone and fainter on small
 * bones.
 */
function plate(depth: number, radius: number): number {
  return PLATE * smoothStep(radius / 5) * Math.exp(-(((depth - 0.5) / 0.38) ** 2));
}

/** The thickness of the shell: 0.55 mm at joints, about a third of the radius in the middle of a shaft. */
function shellThickness(bone: Bone, along: number, length: number, radius: number): number {
  if (bone.kind === 'carpal') return 0.8;
  if (bone.kind === 'forearm') return 0.75 + 1.9 * smoothStep((length - along - 8) / 50);
  return 0.55 + Math.max(0, 0.34 * radius - 0.55) * shaftShare(along, length);
}

/** Spongy bone is dense near the joints and almost absent in the marrow cavity of a shaft. */
function spongeShare(bone: Bone, along: number, length: number): number {
  if (bone.kind === 'carpal') return 1.05;
  if (bone.kind === 'forearm') return 1 - 0.6 * smoothStep((length - along - 12) / 45);
  return 1.05 - 0.6 * shaftShare(along, length);
}

/** 0 at both ends of a long bone, 1 in the middle of its shaft. */
function shaftShare(along: number, length: number): number {
  const share = along / length;
  return smoothStep((share - 0.08) / 0.32) * smoothStep((0.95 - share) / 0.3);
}

function smoothStep(share: number): number {
  const t = Math.max(0, Math.min(1, share));
  return t * t * (3 - 2 * t);
}
