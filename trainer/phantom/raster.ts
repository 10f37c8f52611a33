import type { Outline } from './outline.ts';

/** A rectangle of pixels [left, right) × [top, bottom). */
export type Box = { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };

/**
 * The smallest box of pixels that contains the outline (in pixels, measured from the edge of the image), with a margin, clipped to
 * `bounds`.
 */
export function outlineBox(outline: Outline, margin: number, bounds: Box): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < outline.length; i += 2) {
    const [x, y] = [outline[i] ?? 0, outline[i + 1] ?? 0];
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return {
    left: Math.max(bounds.left, Math.floor(left) - margin),
    top: Math.max(bounds.top, Math.floor(top) - margin),
    right: Math.min(bounds.right, Math.ceil(right) + margin),
    bottom: Math.min(bounds.bottom, Math.ceil(bottom) + margin),
  };
}

/** 1 for every pixel of the box whose centre is inside the outline (even-odd rule), row by row. */
export function fillOutline(outline: Outline, box: Box): Uint8Array {
  const width = Math.max(0, box.right - box.left);
  const height = Math.max(0, box.bottom - box.top);
  const mask = new Uint8Array(width * height);
  const crossings: number[][] = Array.from({ length: height }, () => []);
  for (let i = 0, j = outline.length - 2; i < outline.length; j = i, i += 2) {
    const [x0, y0, x1, y1] = [outline[j] ?? 0, (outline[j + 1] ?? 0) - 0.5, outline[i] ?? 0, (outline[i + 1] ?? 0) - 0.5];
    if (y0 === y1) continue;
    const slope = (x1 - x0) / (y1 - y0);
    const first = Math.max(box.top, Math.ceil(Math.min(y0, y1)));
    const last = Math.min(box.bottom, Math.ceil(Math.max(y0, y1)));
    for (let y = first; y < last; y++) crossings[y - box.top]?.push(x0 + (y - y0) * slope);
  }
  for (const [row, xs] of crossings.entries()) {
    xs.sort((a, b) => a - b);
    for (let k = 0; k + 1 < xs.length; k += 2) {
      const from = Math.max(0, Math.ceil((xs[k] ?? 0) - 0.5) - box.left);
      const to = Math.min(width, Math.ceil((xs[k + 1] ?? 0) - 0.5) - box.left);
      if (to > from) mask.fill(1, row * width + from, row * width + to);
    }
  }
  return mask;
}

const FAR = 1e9;

/**
 * For every pixel that is 1 in the mask, the distance from its centre to the nearest pixel that is 0, minus half a pixel, which is the
 * distance to the border; 0 elsewhere. Exact Euclidean (Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions, 2012).
 * Pixels outside the mask's rectangle count as 1.
 */
export function innerDistance(mask: Uint8Array, width: number, height: number): Float32Array {
  const squares = Float32Array.from(mask, (value) => (value === 0 ? 0 : FAR));
  const longest = Math.max(width, height);
  const scratch = {
    input: new Float64Array(longest),
    output: new Float64Array(longest),
    apex: new Int32Array(longest),
    edge: new Float64Array(longest + 1),
  };
  for (let x = 0; x < width; x++) transformLine(squares, x, width, height, scratch);
  for (let y = 0; y < height; y++) transformLine(squares, y * width, 1, width, scratch);
  for (let i = 0; i < squares.length; i++) squares[i] = mask[i] === 0 ? 0 : Math.sqrt(squares[i] as number) - 0.5;
  return squares;
}

type Scratch = { input: Float64Array; output: Float64Array; apex: Int32Array; edge: Float64Array };

/** The lower envelope of the parabolas on one line, in place. */
function transformLine(values: Float32Array, start: number, step: number, count: number, scratch: Scratch): void {
  const { input, output, apex, edge } = scratch;
  for (let i = 0; i < count; i++) input[i] = values[start + i * step] as number;
  let last = 0;
  apex[0] = 0;
  edge[0] = -Infinity;
  edge[1] = Infinity;
  for (let q = 1; q < count; q++) {
    let at = crossing(input, q, apex[last] as number);
    while (at <= (edge[last] as number)) {
      last--;
      at = crossing(input, q, apex[last] as number);
    }
    last++;
    apex[last] = q;
    edge[last] = at;
    edge[last + 1] = Infinity;
  }
  let k = 0;
  for (let q = 0; q < count; q++) {
    while ((edge[k + 1] as number) < q) k++;
    const p = apex[k] as number;
    output[q] = (q - p) ** 2 + (input[p] as number);
  }
  for (let i = 0; i < count; i++) values[start + i * step] = Math.min(FAR, output[i] as number);
}

/** Where the parabola at q falls below the one at p < q. */
function crossing(input: Float64Array, q: number, p: number): number {
  return ((input[q] as number) + q * q - ((input[p] as number) + p * p)) / (2 * (q - p));
}
