import { type Random, randomFor } from '@carpal/masks/random.ts';
import { IMAGE_UNITS } from './anatomy.ts';
import type { Field } from './field.ts';
import type { Hand } from './hand.ts';
import type { Point } from './outline.ts';

/** Strokes of the lead letters in a box of height 1, y down. */
const LETTERS: Readonly<Record<'R' | 'L', readonly (readonly [Point, Point])[]>> = {
  R: [
    [
      [0, 0],
      [0, 1],
    ],
    [
      [0, 0],
      [0.4, 0],
    ],
    [
      [0.4, 0],
      [0.58, 0.13],
    ],
    [
      [0.58, 0.13],
      [0.58, 0.37],
    ],
    [
      [0.58, 0.37],
      [0.4, 0.5],
    ],
    [
      [0.4, 0.5],
      [0, 0.5],
    ],
    [
      [0.28, 0.5],
      [0.6, 1],
    ],
  ],
  L: [
    [
      [0, 0],
      [0, 1],
    ],
    [
      [0, 1],
      [0.55, 1],
    ],
  ],
};

/** Bone-equivalent millimetres of a lead letter and of a gold ring. */
const LEAD = 13;
const GOLD = 16;

/** Adds objects next to the hand: a lead letter in a corner (on about a quarter of the images) and a ring (on a few). */
export function addForeignObjects(field: Field, hand: Hand, seed: number): void {
  const random = randomFor(seed, 'objects', hand.person.number, hand.side);
  const unitsPerPixel = IMAGE_UNITS / field.side;
  if (random.next() < 0.25) addLetter(field, hand, random, unitsPerPixel);
  if (randomFor(seed, 'ring', hand.person.number).next() < 0.1 && hand.side === 'left') addRing(field, hand, random, unitsPerPixel);
}

function addLetter(field: Field, hand: Hand, random: Random, unitsPerPixel: number): void {
  const height = random.range(75, 110);
  // In the lower corner away from the thumb, where no finger reaches.
  const x = hand.side === 'right' ? random.range(110, 200) : IMAGE_UNITS - random.range(190, 280);
  const y = random.range(IMAGE_UNITS - 330, IMAGE_UNITS - 170);
  for (const [from, to] of LETTERS[hand.side === 'right' ? 'R' : 'L']) {
    const place = ([px, py]: Point): Point => [x + px * height, y + py * height];
    addStroke(field, place(from), place(to), height * 0.085, unitsPerPixel, LEAD);
  }
}

function addRing(field: Field, hand: Hand, random: Random, unitsPerPixel: number): void {
  const bone = hand.bones.find(({ name }) => name === 'finger-14');
  if (!bone) return;
  const [[x0, y0], [x1, y1]] = bone.axis;
  const length = Math.hypot(x1 - x0, y1 - y0);
  const [alongX, alongY] = [(x1 - x0) / length, (y1 - y0) / length];
  const at = random.range(0.36, 0.46) * length;
  const half = 9.6 * hand.unitsPerMillimetre;
  const points = Array.from({ length: 9 }, (_, index): Point => {
    const across = (index / 4 - 1) * half;
    const bow = at - 0.9 * hand.unitsPerMillimetre * (1 - (index / 4 - 1) ** 2);
    return [x0 + alongX * bow - alongY * across, y0 + alongY * bow + alongX * across];
  });
  const width = random.range(1, 1.9) * hand.unitsPerMillimetre;
  for (let i = 1; i < points.length; i++) addStroke(field, points[i - 1] ?? [0, 0], points[i] ?? [0, 0], width, unitsPerPixel, GOLD);
}

/** Raises every pixel near the stroke to at least `value`. */
function addStroke(field: Field, from: Point, to: Point, radius: number, unitsPerPixel: number, value: number): void {
  const [deltaX, deltaY] = [to[0] - from[0], to[1] - from[1]];
  const square = deltaX * deltaX + deltaY * deltaY || 1;
  const pixel = (units: number): number => Math.max(0, Math.min(field.side - 1, Math.round(units / unitsPerPixel)));
  for (let y = pixel(Math.min(from[1], to[1]) - radius); y <= pixel(Math.max(from[1], to[1]) + radius); y++) {
    for (let x = pixel(Math.min(from[0], to[0]) - radius); x <= pixel(Math.max(from[0], to[0]) + radius); x++) {
      const [px, py] = [(x + 0.5) * unitsPerPixel - from[0], (y + 0.5) * unitsPerPixel - from[1]];
      const share = Math.max(0, Math.min(1, (px * deltaX + py * deltaY) / square));
      const distance = Math.hypot(px - share * deltaX, py - share * deltaY);
      const cover = Math.max(0, Math.min(1, (radius - distance) / unitsPerPixel + 0.5));
      const at = y * field.side + x;
      field.values[at] = Math.max(field.values[at] as number, cover * value);
    }
  }
}
