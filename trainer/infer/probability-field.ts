import type { RleBuilder } from '@carpal/masks/rle-builder.ts';

/** For each sheet pixel along one axis: the lower of the two logits it lies between, and how far it is from that one. */
export type Axis = { readonly lower: Uint16Array; readonly fraction: Float64Array };

/** What is known of a corner or a cell. */
export const OUT = 0;
export const IN = 1;
export const MIXED = 2;

/** Rounding in the two interpolations stays far below this share of the largest logit; cells nearer to the threshold are evaluated. */
const SLACK = 1e-12;

/** Sheet columns [from, to) of a band that are all in, or that must be looked at. */
export type Segment = { readonly from: number; to: number; readonly state: typeof IN | typeof MIXED };

const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** The planes of one class seen as one field of mean probability, with what each corner alone can tell. */
export class ProbabilityField {
  private readonly weights: Float64Array;
  private readonly totalWeight: number;
  private readonly cut: number;
  private readonly slack: number;
  /** IN where every map's logit is above the threshold's, OUT where every one is below, else MIXED. */
  private readonly corners: Uint8Array;
  /** First and last column of each row that is not OUT. */
  private readonly firstOfRow: Int32Array;
  private readonly lastOfRow: Int32Array;
  private readonly planes: readonly Float32Array[];
  private readonly size: number;
  private readonly threshold: number;

  constructor(planes: readonly Float32Array[], maps: readonly { readonly weight: number }[], size: number, threshold: number) {
    this.planes = planes;
    this.size = size;
    this.threshold = threshold;
    this.weights = Float64Array.from(maps, (map) => map.weight);
    this.totalWeight = this.weights.reduce((sum, weight) => sum + weight, 0);
    this.cut = Math.log(threshold / (1 - threshold));
    let largest = 1;
    for (const plane of planes) for (let i = 0; i < plane.length; i++) largest = Math.max(largest, Math.abs(plane[i] as number));
    this.slack = SLACK * largest;
    this.corners = new Uint8Array(size * size);
    this.firstOfRow = new Int32Array(size).fill(size);
    this.lastOfRow = new Int32Array(size).fill(-1);
    this.readCorners();
  }

  private readCorners(): void {
    const high = this.cut + this.slack;
    const low = this.cut - this.slack;
    for (const [index, plane] of this.planes.entries()) {
      for (let i = 0; i < plane.length; i++) {
        const logit = plane[i] as number;
        const state = logit > high ? IN : logit < low ? OUT : MIXED;
        this.corners[i] = index === 0 || this.corners[i] === state ? state : MIXED;
      }
    }
    for (let row = 0; row < this.size; row++) {
      const corners = this.corners.subarray(row * this.size, (row + 1) * this.size);
      for (let column = 0; column < this.size; column++) {
        if (corners[column] === OUT) continue;
        this.firstOfRow[row] = Math.min(this.firstOfRow[row] as number, column);
        this.lastOfRow[row] = column;
      }
    }
  }

  /** First and last cell of the band under `row` that may hold anything; empty when the first is greater. */
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
    if (agree && state !== MIXED) return state === IN ? IN : OUT;
    if (this.planes.length === 1) return MIXED;
    let least = 0;
    let most = 0;
    for (const [index, plane] of this.planes.entries()) {
      const a = plane[top + column] as number;
      const b = plane[top + right] as number;
      const c = plane[bottom + column] as number;
      const d = plane[bottom + right] as number;
      const weight = this.weights[index] as number;
      least += weight * sigmoid(Math.min(a, b, c, d) - this.slack);
      most += weight * sigmoid(Math.max(a, b, c, d) + this.slack);
    }
    if (least / this.totalWeight > this.threshold + SLACK) return IN;
    return most / this.totalWeight < this.threshold - SLACK ? OUT : MIXED;
  }

  /** Adds the pixels of one sheet row's segment that are in; `start` is the number of the row's first pixel. */
  evaluate(row: number, down: number, columns: Axis, segment: Segment, start: number, builder: RleBuilder): void {
    const single = this.planes.length === 1 ? this.planes[0] : undefined;
    const top = row * this.size;
    const below = Math.min(row + 1, this.size - 1) * this.size - top;
    let runStart = -1;
    for (let x = segment.from; x < segment.to; x++) {
      const column = columns.lower[x] as number;
      const across = columns.fraction[x] as number;
      const at = top + column;
      const right = column + 1 < this.size ? 1 : 0;
      const inside = single
        ? bilinear(single, at, right, below, across, down) > this.cut
        : this.mean(at, right, below, across, down) > this.threshold;
      if (inside && runStart < 0) runStart = x;
      if (!inside && runStart >= 0) {
        builder.add(start + runStart, start + x);
        runStart = -1;
      }
    }
    if (runStart >= 0) builder.add(start + runStart, start + segment.to);
  }

  private mean(at: number, right: number, below: number, across: number, down: number): number {
    let sum = 0;
    for (let map = 0; map < this.planes.length; map++) {
      sum += (this.weights[map] as number) * sigmoid(bilinear(this.planes[map] as Float32Array, at, right, below, across, down));
    }
    return sum / this.totalWeight;
  }
}

function bilinear(plane: Float32Array, at: number, right: number, below: number, across: number, down: number): number {
  const a = plane[at] as number;
  const b = plane[at + right] as number;
  const c = plane[at + below] as number;
  const d = plane[at + below + right] as number;
  const left = a + (c - a) * down;
  return left + (b + (d - b) * down - left) * across;
}
