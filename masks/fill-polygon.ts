import { checkImageSize, MaskError } from './mask-error.ts';
import type { RleMask } from './rle-mask.ts';
import { RleBuilder } from './rle-mask.ts';
import { clipSegment, packSpan, RowLists, type Segment, spanFrom, spanTo, traceSegment } from './trace-edge.ts';

/**
 * A closed polygon as flat [x0, y0, x1, y1, …]; the last point is connected to the first. Integer coordinates are pixel CENTRES, so pixel
 * (3, 5) covers the square from 2.5 to 3.5 and from 4.5 to 5.5. This is OpenCV's convention, which the labels of the data set follow.
 */
export type Polygon = Readonly<ArrayLike<number>>;

/** OpenCV computes crossings in units of 1/65536 of a pixel. */
const FIXED_ONE = 65_536;
const MAX_COORDINATE = 2 ** 31 - 1;

// Reused between calls, because the training feed fills tens of thousands of polygons per minute. A call does not use data of an earlier
// call.
const spans = new RowLists();
const crossings = new RowLists();
const filled = new RleBuilder(1024);
const segment: Segment = { x0: 0, y0: 0, x1: 0, y1: 0 };
let vertices = new Int32Array(4096);

/**
 * The pixels of a polygon in an image of the given size, identical to those that OpenCV's fillPoly draws: the inside by the even-odd rule
 * plus the outline, so boundary pixels count as inside. One point gives one pixel, two points give a line. Vertices are first rounded to
 * the nearest integer (halves up). The polygon may extend beyond the image. Works row by row without a bitmap. Throws a MaskError for an
 * odd number of coordinates, and for one that is not finite or beyond ±(2³¹ − 1); its position is the index of the coordinate.
 */
export function fillPolygon(polygon: Polygon, width: number, height: number): RleMask {
  checkImageSize(width, height);
  const count = readVertices(polygon);
  let top = height;
  let bottom = -1;
  for (let i = 1; i < count; i += 2) {
    const y = vertices[i] as number;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  top = Math.max(0, top);
  bottom = Math.min(height - 1, bottom);
  if (top <= bottom) {
    spans.reset(top, bottom);
    crossings.reset(top, bottom);
    let previous = count - 2;
    for (let i = 0; i < count; i += 2) {
      addEdge(
        vertices[previous] as number,
        vertices[previous + 1] as number,
        vertices[i] as number,
        vertices[i + 1] as number,
        width,
        height,
      );
      previous = i;
    }
    for (let y = top; y <= bottom; y++) {
      addInside(y, width);
      joinSpans(y, y * width);
    }
  }
  return filled.finish(width, height);
}

function readVertices(polygon: Polygon): number {
  const count = polygon.length;
  if (count % 2 !== 0) throw new MaskError(`A polygon needs pairs of coordinates, but it has ${count} numbers.`, count - 1);
  if (vertices.length < count) vertices = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const value = Math.round(polygon[i] as number);
    if (!(value >= -MAX_COORDINATE && value <= MAX_COORDINATE)) {
      throw new MaskError(
        `A polygon coordinate must be a finite number of at most ±${MAX_COORDINATE}, not ${polygon[i]} (number ${i}).`,
        i,
      );
    }
    vertices[i] = value;
  }
  return count;
}

/** Adds the pixels of an edge to `spans`, and its crossing with the middle of each row to `crossings`. */
function addEdge(x0: number, y0: number, x1: number, y1: number, width: number, height: number): void {
  segment.x0 = x0;
  segment.y0 = y0;
  segment.x1 = x1;
  segment.y1 = y1;
  if (clipSegment(segment, width, height)) traceSegment(segment, spans);
  if (y0 === y1) return;
  // OpenCV takes the slope from the clipped and rounded segment, unless clipping has made the segment horizontal.
  const level = segment.y0 === segment.y1;
  const clippedY0 = level ? y0 : segment.y0;
  const clippedY1 = level ? y1 : segment.y1;
  const slope = Math.trunc(((segment.x1 - segment.x0) * FIXED_ONE) / (clippedY1 - clippedY0));
  // OpenCV counts rows from the upper end. The row of the lower end belongs to the next edge.
  const from = (y0 < y1 ? segment.x0 : segment.x1) * FIXED_ONE - (y0 < y1 ? clippedY0 : clippedY1) * slope;
  const end = Math.min(Math.max(y0, y1), height);
  for (let y = Math.max(Math.min(y0, y1), 0); y < end; y++) crossings.add(y, from + y * slope);
}

/** Adds the pixels between the first and second crossing of a row, between the third and fourth, and so on. */
function addInside(y: number, width: number): void {
  const count = crossings.take(y);
  const { sorted } = crossings;
  for (let i = 0; i + 1 < count; i += 2) {
    const from = Math.max(0, Math.ceil((sorted[i] as number) / FIXED_ONE));
    const to = Math.min(width - 1, Math.floor((sorted[i + 1] as number) / FIXED_ONE));
    if (from <= to) spans.add(y, packSpan(from, to));
  }
}

/** Writes the union of a row's spans as runs. */
function joinSpans(y: number, rowStart: number): void {
  const count = spans.take(y);
  if (count === 0) return;
  const { sorted } = spans;
  let from = spanFrom(sorted[0] as number);
  let to = spanTo(sorted[0] as number);
  for (let i = 1; i < count; i++) {
    const span = sorted[i] as number;
    if (spanFrom(span) > to + 1) {
      filled.add(rowStart + from, rowStart + to + 1);
      from = spanFrom(span);
      to = spanTo(span);
    } else if (spanTo(span) > to) to = spanTo(span);
  }
  filled.add(rowStart + from, rowStart + to + 1);
}
