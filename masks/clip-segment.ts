/** A line between two points of whole-number coordinates, changed in place by clipping. */
export type Segment = { x0: number; y0: number; x1: number; y1: number };

const LEFT = 1;
const RIGHT = 2;
const ABOVE = 4;
const BELOW = 8;

/**
 * Cuts a segment to the sheet, first at the top and bottom, then at the sides, each new coordinate rounded towards zero, which is what
 * OpenCV's clipLine does; false if no part is inside, and then the segment may have been cut in part, which OpenCV's fill goes on to use.
 */
export function clipSegment(segment: Segment, width: number, height: number): boolean {
  let [out0, out1] = [outside(segment.x0, segment.y0, width, height), outside(segment.x1, segment.y1, width, height)];
  if ((out0 | out1) === 0) return true;
  if ((out0 & out1) !== 0) return false;
  if ((out0 & (ABOVE | BELOW)) !== 0) {
    const y = out0 & ABOVE ? 0 : height - 1;
    segment.x0 += Math.trunc(((y - segment.y0) * (segment.x1 - segment.x0)) / (segment.y1 - segment.y0));
    segment.y0 = y;
    out0 = outside(segment.x0, y, width, height);
  }
  if ((out1 & (ABOVE | BELOW)) !== 0) {
    const y = out1 & ABOVE ? 0 : height - 1;
    segment.x1 += Math.trunc(((y - segment.y1) * (segment.x1 - segment.x0)) / (segment.y1 - segment.y0));
    segment.y1 = y;
    out1 = outside(segment.x1, y, width, height);
  }
  if ((out0 & out1) !== 0) return false;
  if (out0 !== 0) {
    const x = out0 === LEFT ? 0 : width - 1;
    segment.y0 += Math.trunc(((x - segment.x0) * (segment.y1 - segment.y0)) / (segment.x1 - segment.x0));
    segment.x0 = x;
  }
  if (out1 !== 0) {
    const x = out1 === LEFT ? 0 : width - 1;
    segment.y1 += Math.trunc(((x - segment.x1) * (segment.y1 - segment.y0)) / (segment.x1 - segment.x0));
    segment.x1 = x;
  }
  return true;
}

function outside(x: number, y: number, width: number, height: number): number {
  return (x < 0 ? LEFT : 0) | (x >= width ? RIGHT : 0) | (y < 0 ? ABOVE : 0) | (y >= height ? BELOW : 0);
}
