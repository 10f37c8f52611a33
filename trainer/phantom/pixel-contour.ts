import { mapOutline, type Outline } from './outline.ts';
import { fillOutline, outlineBox } from './raster.ts';

/** The eight neighbours, clockwise in an image whose y goes down, starting with the left one. */
const STEPS = [
  [-1, 0],
  [-1, -1],
  [0, -1],
  [1, -1],
  [1, 0],
  [1, 1],
  [0, 1],
  [-1, 1],
] as const;

/**
 * The dense contour of a bone in an image of `size` × `size` pixels: integer pixel centres as flat [x0, y0, x1, y1, …], each adjacent to
 * the previous one. Filling it with its boundary gives exactly the pixels whose centres are inside the outline (given in image units).
 * Empty if the outline covers no pixel; the largest piece if the pixels split a thin bone.
 */
export function pixelContour(outline: Outline, unitsPerPixel: number, size: number): Int32Array {
  const scaled = mapOutline(outline, ([x, y]) => [x / unitsPerPixel, y / unitsPerPixel]);
  const box = outlineBox(scaled, 0, { left: 0, top: 0, right: size, bottom: size });
  const mask = fillOutline(scaled, box);
  const width = box.right - box.left;
  let best: number[] = [];
  for (let start = mask.indexOf(1); start >= 0; start = mask.indexOf(1, start)) {
    const contour = traceBoundary(mask, width, start);
    if (contour.length > best.length) best = contour;
    erasePiece(mask, width, start);
  }
  return Int32Array.from(best, (value, index) => value + (index % 2 === 0 ? box.left : box.top));
}

/** Moore's boundary tracing around the piece whose first pixel in reading order is `start`. */
function traceBoundary(mask: Uint8Array, width: number, start: number): number[] {
  const isSet = (x: number, y: number): boolean => x >= 0 && x < width && mask[y * width + x] === 1;
  const [startX, startY] = [start % width, Math.floor(start / width)];
  const contour: number[] = [];
  let [x, y, from] = [startX, startY, 0];
  let firstStep = -1;
  for (;;) {
    let step = -1;
    for (let turned = 1; turned <= 8 && step < 0; turned++) {
      const candidate = (from + turned) % 8;
      const [dx, dy] = STEPS[candidate] ?? [0, 0];
      if (isSet(x + dx, y + dy)) step = candidate;
    }
    if (step < 0) return [x, y];
    if (x === startX && y === startY && step === firstStep) return contour;
    if (firstStep < 0) firstStep = step;
    contour.push(x, y);
    const [dx, dy] = STEPS[step] ?? [0, 0];
    x += dx;
    y += dy;
    // Seen from the new pixel, continue after the empty neighbour that was checked last.
    from = (step + (step % 2 === 0 ? 6 : 5)) % 8;
  }
}

function erasePiece(mask: Uint8Array, width: number, start: number): void {
  const pending = [start];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (mask[at] !== 1) continue;
    mask[at] = 0;
    const x = at % width;
    for (const [dx, dy] of STEPS) {
      if (x + dx >= 0 && x + dx < width) pending.push(at + dy * width + dx);
    }
  }
}
