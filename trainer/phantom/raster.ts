import type { Outline } from './outline.ts';

/** A rectangle of pixels [left, right) × [top, bottom). */
export type Box = { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };

/** The smallest box of pixels that holds the outline (in pixels, measured from the sheet's edge), with a margin, cut to `bounds`. */
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

/** 1 for every pixel of the box whose centre lies inside the outline (even-odd rule), row by row. */
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
