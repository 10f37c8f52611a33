import type { Fit } from '@carpal/masks/fit.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { RleBuilder } from '@carpal/masks/rle-mask.ts';
import { type Axis, axisOf, between, firstPixelOfCells } from './bilinear.ts';
import { logitOf } from './probability-bins.ts';

export type LogitsToMask = {
  /** `[size, size, classes]` on the fitted square. */
  readonly logits: Float32Array;
  readonly classIndex: number;
  readonly classes: number;
  readonly fit: Fit;
  /** Size of the original image. */
  readonly width: number;
  readonly height: number;
  /** Strictly between 0 and 1. A pixel belongs to the mask if its probability is greater. */
  readonly threshold: number;
};

/** State of a corner or a cell: outside, inside, or undecided. */
const OUT = 0;
const IN = 1;
const MIXED = 2;

/** Relative to the largest logit. Rounding errors of the interpolation stay far below it; cells closer to the threshold are evaluated. */
const SLACK = 1e-12;

/** Image columns [from, to) of a band that are all inside, or that must be evaluated. */
type Segment = { readonly from: number; to: number; readonly state: typeof IN | typeof MIXED };

/**
 * The mask of one class at the size of the original image. The logits are interpolated bilinearly at each image pixel (half-pixel centres,
 * clamped at the border of the square), and compared with the threshold's logit.
 *
 * A bilinear value never leaves the range of its four neighbouring logits. So the corners decide most cells, which are filled whole, and
 * only cells that the outline crosses are evaluated pixel by pixel. The result is the same as if every pixel were evaluated.
 */
export function logitsToMask(request: LogitsToMask): RleMask {
  const { logits, classIndex, classes, fit, width, height, threshold } = request;
  const field = new LogitField(planeOf(logits, classIndex, classes, fit.size), fit.size, logitOf(threshold));
  const columns = axisOf(width, fit.offsetX, fit);
  const rows = axisOf(height, fit.offsetY, fit);
  const cellStart = firstPixelOfCells(columns, fit.size);
  const builder = new RleBuilder();
  let band: Segment[] = [];
  let bandRow = -1;
  for (let y = 0; y < height; y++) {
    const lowerRow = rows.lower[y] as number;
    if (lowerRow !== bandRow) {
      band = segmentsOf(field, lowerRow, cellStart);
      bandRow = lowerRow;
    }
    if (band.length === 0) continue;
    const start = y * width;
    for (const segment of band) {
      if (segment.state === IN) builder.add(start + segment.from, start + segment.to);
      else field.evaluate(lowerRow, rows.fraction[y] as number, columns, segment, start, builder);
    }
  }
  return builder.finish(width, height);
}

function segmentsOf(field: LogitField, row: number, cellStart: Uint32Array): Segment[] {
  const segments: Segment[] = [];
  const [first, last] = field.reach(row);
  let open: Segment | undefined;
  for (let cell = first; cell <= last; cell++) {
    const from = cellStart[cell] as number;
    const to = cellStart[cell + 1] as number;
    if (from === to) continue;
    const state = field.cellState(row, cell);
    if (state === OUT) open = undefined;
    else if (open?.state === state) open.to = to;
    else {
      open = { from, to, state };
      segments.push(open);
    }
  }
  return segments;
}

function planeOf(logits: Float32Array, classIndex: number, classes: number, size: number): Float32Array {
  const plane = new Float32Array(size * size);
  for (let i = 0, from = classIndex; i < plane.length; i++, from += classes) plane[i] = logits[from] as number;
  return plane;
}

/** The logits of one class, and the state of each corner. */
class LogitField {
  private readonly plane: Float32Array;
  private readonly size: number;
  private readonly cut: number;
  /** IN if the logit is above the cut, OUT if it is below, MIXED if rounding could decide. */
  private readonly corners: Uint8Array;
  /** First and last column of each row that are not OUT. */
  private readonly firstOfRow: Int32Array;
  private readonly lastOfRow: Int32Array;

  constructor(plane: Float32Array, size: number, cut: number) {
    this.plane = plane;
    this.size = size;
    this.cut = cut;
    this.corners = new Uint8Array(size * size);
    this.firstOfRow = new Int32Array(size).fill(size);
    this.lastOfRow = new Int32Array(size).fill(-1);
    this.readCorners();
  }

  private readCorners(): void {
    let largest = 1;
    for (let i = 0; i < this.plane.length; i++) largest = Math.max(largest, Math.abs(this.plane[i] as number));
    const high = this.cut + SLACK * largest;
    const low = this.cut - SLACK * largest;
    for (let row = 0, i = 0; row < this.size; row++) {
      for (let column = 0; column < this.size; column++, i++) {
        const logit = this.plane[i] as number;
        const state = logit > high ? IN : logit < low ? OUT : MIXED;
        if (state === OUT) continue;
        this.corners[i] = state;
        this.firstOfRow[row] = Math.min(this.firstOfRow[row] as number, column);
        this.lastOfRow[row] = column;
      }
    }
  }

  /** First and last cell of the band below `row` that may contain mask pixels. Empty if the first is greater. */
  reach(row: number): readonly [number, number] {
    const next = Math.min(row + 1, this.size - 1);
    const first = Math.min(this.firstOfRow[row] as number, this.firstOfRow[next] as number);
    const last = Math.max(this.lastOfRow[row] as number, this.lastOfRow[next] as number);
    return last < 0 ? [0, -1] : [Math.max(first - 1, 0), Math.min(last, Math.max(this.size - 2, 0))];
  }

  cellState(row: number, column: number): typeof OUT | typeof IN | typeof MIXED {
    const right = Math.min(column + 1, this.size - 1);
    const top = row * this.size;
    const bottom = Math.min(row + 1, this.size - 1) * this.size;
    const state = this.corners[top + column];
    const agree = this.corners[top + right] === state && this.corners[bottom + column] === state && this.corners[bottom + right] === state;
    if (!agree || state === MIXED) return MIXED;
    return state === IN ? IN : OUT;
  }

  /** Adds the inside pixels of a segment of one image row. `start` is the index of the row's first pixel. */
  evaluate(row: number, down: number, columns: Axis, segment: Segment, start: number, builder: RleBuilder): void {
    const { plane, size, cut } = this;
    const top = row * size;
    const below = Math.min(row + 1, size - 1) * size - top;
    let runStart = -1;
    for (let x = segment.from; x < segment.to; x++) {
      const column = columns.lower[x] as number;
      const right = column + 1 < size ? 1 : 0;
      const isInside = bilinear(plane, top + column, right, below, columns.fraction[x] as number, down) > cut;
      if (isInside && runStart < 0) runStart = x;
      if (!isInside && runStart >= 0) {
        builder.add(start + runStart, start + x);
        runStart = -1;
      }
    }
    if (runStart >= 0) builder.add(start + runStart, start + segment.to);
  }
}

function bilinear(plane: Float32Array, at: number, right: number, below: number, across: number, down: number): number {
  const a = plane[at] as number;
  const b = plane[at + right] as number;
  const c = plane[at + below] as number;
  const d = plane[at + below + right] as number;
  return between(a, b, c, d, across, down);
}
