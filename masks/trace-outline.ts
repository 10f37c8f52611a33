import { largestComponent } from './components.ts';
import type { RleMask } from './rle-mask.ts';

/** The eight neighbours of a pixel, clockwise from the right (rows grow downwards). */
const STEPS = [
  [1, 0],
  [1, 1],
  [0, 1],
  [-1, 1],
  [-1, 0],
  [-1, -1],
  [0, -1],
  [1, -1],
] as const;
const LEFT = 4;

/** The direction from one pixel to a neighbour of it. */
function directionOf(dx: number, dy: number): number {
  return STEPS.findIndex(([x, y]) => x === dx && y === dy);
}

/** Whether each pixel of a mask is inside, with background around the image. */
function insideOf({ width, height, bounds }: RleMask): (x: number, y: number) => boolean {
  const pixels = new Uint8Array(width * height);
  for (let i = 0; i < bounds.length; i += 2) pixels.fill(1, bounds[i], bounds[i + 1]);
  return (x, y) => x >= 0 && y >= 0 && x < width && y < height && pixels[y * width + x] === 1;
}

/**
 * The outline of a mask's largest 8-connected part as a closed polygon of pixel centres, clockwise from its uppermost pixel, with vertices
 * only where the direction changes. `fillPolygon` of it gives exactly that part with its holes filled. Parts that are one pixel wide are
 * passed in both directions. Empty for an empty mask. (Moore's neighbour tracing, which stops when it repeats its first move.)
 */
export function traceOutline(mask: RleMask): readonly (readonly [x: number, y: number])[] {
  const part = largestComponent(mask);
  const [first] = part.bounds;
  if (first === undefined) return [];
  const inside = insideOf(part);
  const start = { x: first % part.width, y: Math.floor(first / part.width) };
  const outline: (readonly [number, number])[] = [];
  let { x, y } = start;
  let background = LEFT;
  let firstMove = -1;
  let lastMove = -1;
  for (;;) {
    const move = nextMove(inside, x, y, background);
    // A part of one pixel has no neighbours.
    if (move === undefined) return [[x, y]];
    const isStart = x === start.x && y === start.y;
    if (isStart && move === firstMove) break;
    if (firstMove === -1) firstMove = move;
    if (move !== lastMove) outline.push([x, y]);
    lastMove = move;
    const [dx, dy] = STEPS[move] as (typeof STEPS)[number];
    // The neighbour that was examined before the move is background, and it also touches the next pixel.
    const [bx, by] = STEPS[(move + 7) % 8] as (typeof STEPS)[number];
    background = directionOf(bx - dx, by - dy);
    x += dx;
    y += dy;
  }
  return outline;
}

/** The direction of the first inside neighbour, clockwise after a background neighbour. */
function nextMove(inside: (x: number, y: number) => boolean, x: number, y: number, background: number): number | undefined {
  for (let turn = 1; turn <= 8; turn++) {
    const direction = (background + turn) % 8;
    const [dx, dy] = STEPS[direction] as (typeof STEPS)[number];
    if (inside(x + dx, y + dy)) return direction;
  }
  return undefined;
}
