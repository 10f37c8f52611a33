import type { Polygon } from '@carpal/masks/polygon.ts';
import type { Random } from '@carpal/masks/random.ts';
import { type Affine, compose, scaling, translation } from '@carpal/masks/warp.ts';
import type { Square } from './draw-field.ts';

export type WristWindow = {
  /** Brings the window to the whole square. */
  readonly map: Affine;
  /** Side of the window as a fraction of the square's. */
  readonly share: number;
};

/**
 * A random square window that holds the wrist: its side is the longer side of the box around the given outlines times a number from `low`
 * to `high`, and the box lies anywhere in it. Undefined where there is no vertex.
 */
export function drawWristWindow(
  outlines: readonly Polygon[],
  { low, high }: { low: number; high: number },
  square: Square,
  random: Random,
): WristWindow | undefined {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const outline of outlines) {
    for (let i = 0; i + 1 < outline.length; i += 2) {
      left = Math.min(left, outline[i] as number);
      right = Math.max(right, outline[i] as number);
      top = Math.min(top, outline[i + 1] as number);
      bottom = Math.max(bottom, outline[i + 1] as number);
    }
  }
  if (left > right) return undefined;
  // Vertices are pixel centres, so a box of one pixel is one pixel wide.
  const [width, height] = [right - left + 1, bottom - top + 1];
  const side = Math.max(width, height) * random.range(low, high);
  const centreX = (left + right) / 2 + random.range(-0.5, 0.5) * Math.max(0, side - width);
  const centreY = (top + bottom) / 2 + random.range(-0.5, 0.5) * Math.max(0, side - height);
  const factor = square.side / side;
  const [middleX, middleY] = [square.left + square.side / 2, square.top + square.side / 2];
  return { map: compose(translation(middleX - centreX, middleY - centreY), scaling(factor, factor, centreX, centreY)), share: 1 / factor };
}
