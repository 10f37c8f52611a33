import { IMAGE_UNITS } from './anatomy.ts';
import type { Field } from './field.ts';
import type { Hand } from './hand.ts';
import { mapOutline, type Outline } from './outline.ts';
import { fillOutline, outlineBox } from './raster.ts';
import type { Capsule } from './tissue-plan.ts';

/**
 * The depth of soft tissue, in millimetres. Every rod is as deep as it is wide. Overlapping rods are blended rather than added, so that the
 * palm is one body with a soft outline.
 */
export function tissueDensity(hand: Hand, side: number): Field {
  const unitsPerPixel = IMAGE_UNITS / side;
  const fourths = new Float32Array(side * side);
  for (const rod of hand.tissue) addRod(fourths, rod, side, unitsPerPixel, hand.unitsPerMillimetre);
  const palm = mapOutline(hand.palm, ([x, y]) => [x / unitsPerPixel, y / unitsPerPixel]);
  addSlab(fourths, palm, side, unitsPerPixel / hand.unitsPerMillimetre);
  return { side, values: fourths.map((value) => value ** 0.25) };
}

/** Adds the fourth power of the path length through one rod. */
function addRod(fourths: Float32Array, rod: Capsule, side: number, unitsPerPixel: number, millimetre: number): void {
  const [fromX, fromY] = [rod.from[0] / unitsPerPixel - 0.5, rod.from[1] / unitsPerPixel - 0.5];
  const [deltaX, deltaY] = [rod.to[0] / unitsPerPixel - 0.5 - fromX, rod.to[1] / unitsPerPixel - 0.5 - fromY];
  const square = deltaX * deltaX + deltaY * deltaY || 1;
  const [fromRadius, deltaRadius] = [rod.fromRadius / unitsPerPixel, (rod.toRadius - rod.fromRadius) / unitsPerPixel];
  const reach = Math.max(rod.fromRadius, rod.toRadius) / unitsPerPixel;
  const left = Math.max(0, Math.floor(Math.min(fromX, fromX + deltaX) - reach));
  const right = Math.min(side - 1, Math.ceil(Math.max(fromX, fromX + deltaX) + reach));
  const top = Math.max(0, Math.floor(Math.min(fromY, fromY + deltaY) - reach));
  const bottom = Math.min(side - 1, Math.ceil(Math.max(fromY, fromY + deltaY) + reach));
  const toMillimetres = (2 * unitsPerPixel) / millimetre;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const [px, py] = [x - fromX, y - fromY];
      const share = Math.max(0, Math.min(1, (px * deltaX + py * deltaY) / square));
      const radius = fromRadius + share * deltaRadius;
      const inside = radius * radius - (px - share * deltaX) ** 2 - (py - share * deltaY) ** 2;
      if (inside <= 0) continue;
      const at = y * side + x;
      fourths[at] = (fourths[at] as number) + (inside * toMillimetres * toMillimetres) ** 2;
    }
  }
}

/** Half the maximum depth of the palm in millimetres. It is reached at the same distance from the palm's border. */
const PALM_RADIUS = 12;

/** Adds the fourth power of the path length through a flat body with a rounded border. */
function addSlab(fourths: Float32Array, outline: Outline, side: number, millimetresPerPixel: number): void {
  const box = outlineBox(outline, 0, { left: 0, top: 0, right: side, bottom: side });
  const width = box.right - box.left;
  const mask = fillOutline(outline, box);
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    const [x, y] = [(i % width) + box.left, Math.floor(i / width) + box.top];
    const depth = Math.min(PALM_RADIUS, borderDistance(outline, x + 0.5, y + 0.5) * millimetresPerPixel);
    const at = y * side + x;
    fourths[at] = (fourths[at] as number) + (4 * depth * (2 * PALM_RADIUS - depth)) ** 2;
  }
}

function borderDistance(outline: Outline, x: number, y: number): number {
  let least = Infinity;
  let [fromX, fromY] = [outline[outline.length - 2] as number, outline[outline.length - 1] as number];
  for (let i = 0; i < outline.length; i += 2) {
    const [toX, toY] = [outline[i] as number, outline[i + 1] as number];
    const [deltaX, deltaY] = [toX - fromX, toY - fromY];
    const square = deltaX * deltaX + deltaY * deltaY || 1;
    const share = Math.max(0, Math.min(1, ((x - fromX) * deltaX + (y - fromY) * deltaY) / square));
    const [toBorderX, toBorderY] = [x - fromX - share * deltaX, y - fromY - share * deltaY];
    least = Math.min(least, toBorderX * toBorderX + toBorderY * toBorderY);
    [fromX, fromY] = [toX, toY];
  }
  return Math.sqrt(least);
}
