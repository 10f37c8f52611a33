/** A line between two points with integer coordinates. Clipping changes it in place. */
export type Segment = { x0: number; y0: number; x1: number; y1: number };

/**
 * Adds the columns that a line covers to each row: Bresenham's line with 8-connected steps, drawn from its left end as OpenCV's
 * LineIterator does. The direction matters if the exact line passes midway between two pixels.
 */
export function traceSegment(segment: Segment, spans: RowLists): void {
  const leftFirst = segment.x0 <= segment.x1;
  const x = leftFirst ? segment.x0 : segment.x1;
  const y = leftFirst ? segment.y0 : segment.y1;
  const across = Math.abs(segment.x1 - segment.x0);
  const down = leftFirst ? segment.y1 - segment.y0 : segment.y0 - segment.y1;
  if (Math.abs(down) > across) traceSteep(x, y, across, down, spans);
  else traceFlat(x, y, across, down, spans);
}

/** For lines at least as wide as high: one step to the right at a time, and one span per row. */
function traceFlat(left: number, top: number, across: number, down: number, spans: RowLists): void {
  const rise = Math.abs(down);
  const step = down < 0 ? -1 : 1;
  let y = top;
  let from = left;
  let error = across - 2 * rise;
  if (rise > 0) {
    for (let x = left; x < left + across; x++) {
      if (error < 0) {
        spans.add(y, packSpan(from, x));
        y += step;
        from = x + 1;
        error += 2 * across;
      }
      error -= 2 * rise;
    }
  }
  spans.add(y, packSpan(from, left + across));
}

/** For lines higher than wide: one pixel per row. */
function traceSteep(left: number, top: number, across: number, down: number, spans: RowLists): void {
  const rise = Math.abs(down);
  const step = down < 0 ? -1 : 1;
  let x = left;
  let error = rise - 2 * across;
  for (let y = top, rest = rise; rest >= 0; rest--, y += step) {
    spans.add(y, packSpan(x, x));
    if (error < 0) {
      x++;
      error += 2 * rise;
    }
    error -= 2 * across;
  }
}

const LEFT = 1;
const RIGHT = 2;
const ABOVE = 4;
const BELOW = 8;

/**
 * Clips a segment to the image, first at the top and bottom, then at the sides; new coordinates are rounded towards zero, as in OpenCV's
 * clipLine. Returns false if no part is inside. The segment may then be clipped partly, and OpenCV's fill uses it in this state.
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

/** The number of values that a list keeps allocated; a rare huge polygon must not occupy memory forever. */
const KEPT_VALUES = 1 << 18;
/** Up to this length, insertion sort is faster than the built-in sort with its call overhead. */
const INSERTION_LIMIT = 40;

/**
 * A list of numbers for each row of a range, filled in any order and read in ascending order. Reused, so that filling allocates nothing.
 */
export class RowLists {
  /** For each row the index of its last value, and for each value the index of the previous one. −1 means that no such value exists. */
  private last = new Int32Array(0);
  private previous = new Int32Array(1024);
  private values = new Float64Array(1024);
  private count = 0;
  private top = 0;
  /** The numbers that the last `take` returned, from index 0. */
  sorted = new Float64Array(64);

  /** Empties the lists, for the rows top … bottom. */
  reset(top: number, bottom: number): void {
    const rows = bottom - top + 1;
    if (this.last.length < rows) this.last = new Int32Array(rows);
    this.last.fill(-1, 0, rows);
    if (this.values.length > KEPT_VALUES) this.resize(1024);
    this.count = 0;
    this.top = top;
  }

  add(row: number, value: number): void {
    if (this.count === this.values.length) this.resize(this.count * 2);
    const index = this.count++;
    this.values[index] = value;
    this.previous[index] = this.last[row - this.top] as number;
    this.last[row - this.top] = index;
  }

  /** Writes the numbers of a row to `sorted` in ascending order and returns how many there are. */
  take(row: number): number {
    let { sorted } = this;
    let taken = 0;
    for (let index = this.last[row - this.top] as number; index >= 0; index = this.previous[index] as number) {
      if (taken === sorted.length) sorted = this.growSorted();
      const value = this.values[index] as number;
      let place = taken++;
      if (taken <= INSERTION_LIMIT) {
        for (; place > 0 && (sorted[place - 1] as number) > value; place--) sorted[place] = sorted[place - 1] as number;
      }
      sorted[place] = value;
    }
    if (taken > INSERTION_LIMIT) sorted.subarray(0, taken).sort();
    return taken;
  }

  private growSorted(): Float64Array<ArrayBuffer> {
    const larger = new Float64Array(this.sorted.length * 2);
    larger.set(this.sorted);
    this.sorted = larger;
    return larger;
  }

  private resize(capacity: number): void {
    const kept = Math.min(this.count, capacity);
    const previous = new Int32Array(capacity);
    previous.set(this.previous.subarray(0, kept));
    const values = new Float64Array(capacity);
    values.set(this.values.subarray(0, kept));
    this.previous = previous;
    this.values = values;
  }
}

/** Packs columns from … to (inclusive) into one number, ordered by `from`. Image sides are below 2¹⁶, so two columns fit in 32 bits. */
export function packSpan(from: number, to: number): number {
  return from * 65_536 + to;
}

/** The first column of a packed span. */
export function spanFrom(span: number): number {
  return span >>> 16;
}

/** The last column of a packed span. */
export function spanTo(span: number): number {
  return span & 0xffff;
}
