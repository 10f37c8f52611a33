import type { Polygon } from './fill-polygon.ts';
import type { Box } from './measure.ts';

/** The box around the vertices of all outlines, in their coordinates; undefined without vertices. */
export function outlineBox(...outlines: readonly Polygon[]): Box | undefined {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const outline of outlines) {
    for (let i = 0; i + 1 < outline.length; i += 2) {
      left = Math.min(left, outline[i] as number);
      right = Math.max(right, outline[i] as number);
      top = Math.min(top, outline[i + 1] as number);
      bottom = Math.max(bottom, outline[i + 1] as number);
    }
  }
  return left > right ? undefined : { left, top, right, bottom };
}
