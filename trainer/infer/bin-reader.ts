import { squareFit } from '@carpal/masks/fit.ts';
import { type Axis, axisOf, between, firstPixelOfCells } from './bilinear.ts';
import type { ClassParts } from './class-parts.ts';
import { PixelBins } from './pixel-bins.ts';
import type { ProbabilityBins } from './probability-bins.ts';

/** Bins the pixels of one class after another, at the size of the image. */
export class BinReader {
  readonly #parts: ClassParts;
  readonly #bins: ProbabilityBins;
  readonly #width: number;
  readonly #columns: Axis;
  readonly #rows: Axis;
  readonly #cellStart: Uint32Array;
  readonly #found: PixelBins;
  #class = 0;
  #start = 0;

  constructor(parts: ClassParts, width: number, height: number, bins: ProbabilityBins) {
    this.#parts = parts;
    this.#bins = bins;
    this.#width = width;
    const fit = squareFit(width, height, parts.size);
    this.#columns = axisOf(width, fit.offsetX, fit);
    this.#rows = axisOf(height, fit.offsetY, fit);
    this.#cellStart = firstPixelOfCells(this.#columns, parts.size);
    this.#found = new PixelBins(width, height);
  }

  /** The pixels of the next class, in class order. The same object for every class: it is valid until the next call. */
  next(): PixelBins {
    const { size, spans } = this.#parts;
    const found = this.#found;
    found.clear();
    const spansOfClass = spans.subarray(this.#class * size * 2, (this.#class + 1) * size * 2);
    const offsets = new Uint32Array(size + 1);
    for (let y = 0; y < size; y++)
      offsets[y + 1] = (offsets[y] as number) + (spansOfClass[y * 2 + 1] as number) - (spansOfClass[y * 2] as number);
    const length = offsets[size] as number;
    const values = this.#parts.values.subarray(this.#start, this.#start + length);
    this.#class += 1;
    this.#start += values.length;
    if (length > 0) this.#binRows(new Grid(size, spansOfClass, offsets, values));
    return found;
  }

  #binRows(grid: Grid): void {
    const { lower, fraction } = this.#rows;
    let band: readonly (readonly [from: number, to: number])[] = [];
    let bandRow = -1;
    for (let y = 0; y < lower.length; y++) {
      const row = lower[y] as number;
      if (row !== bandRow) {
        band = this.#stretches(grid, row);
        bandRow = row;
      }
      for (const [from, to] of band) {
        const place = this.#found.addStretch(y * this.#width + from, to - from);
        this.#binStretch(grid, row, fraction[y] as number, from, to, place);
      }
    }
  }

  /** The image columns of the cells below a grid row in which a pixel may be above the lowest cut. */
  #stretches(grid: Grid, row: number): [from: number, to: number][] {
    const stretches: [from: number, to: number][] = [];
    const [first, end] = grid.shared(row);
    const lastCell = this.#cellStart.length - 2;
    let before = first < end && grid.isAbove(row, first, this.#bins.lowestLogit);
    for (let cell = first; cell < end && cell <= lastCell; cell++) {
      const after = cell + 1 < end && grid.isAbove(row, cell + 1, this.#bins.lowestLogit);
      if (before || after) {
        const from = this.#cellStart[cell] as number;
        const to = this.#cellStart[cell + 1] as number;
        const last = stretches.at(-1);
        if (last && last[1] === from) last[1] = to;
        else if (from < to) stretches.push([from, to]);
      }
      before = after;
    }
    return stretches;
  }

  #binStretch(grid: Grid, row: number, down: number, from: number, to: number, place: number): void {
    const { lower, fraction } = this.#columns;
    const { values } = grid;
    const out = this.#found.bins;
    const top = grid.placeOf(row);
    const below = grid.placeOf(Math.min(row + 1, grid.size - 1));
    const right = grid.size > 1 ? 1 : 0;
    for (let x = from, at = place; x < to; x++, at++) {
      const column = lower[x] as number;
      const p = top + column;
      const q = below + column;
      const a = values[p] as number;
      const b = values[p + right] as number;
      const c = values[q] as number;
      const d = values[q + right] as number;
      out[at] = this.#bins.ofLogit(between(a, b, c, d, fraction[x] as number, down));
    }
  }
}

/** The logits of one class in its stretches of the grid. */
class Grid {
  readonly size: number;
  readonly values: Float32Array;
  readonly #spans: Uint16Array;
  readonly #offsets: Uint32Array;

  constructor(size: number, spans: Uint16Array, offsets: Uint32Array, values: Float32Array) {
    this.size = size;
    this.values = values;
    this.#spans = spans;
    this.#offsets = offsets;
  }

  /** Where column 0 of a row would be in the values. */
  placeOf(row: number): number {
    return (this.#offsets[row] as number) - (this.#spans[row * 2] as number);
  }

  /** The columns that a row and the next one share: the first, and the one after the last. */
  shared(row: number): readonly [first: number, end: number] {
    const next = Math.min(row + 1, this.size - 1);
    const first = Math.max(this.#spans[row * 2] as number, this.#spans[next * 2] as number);
    return [first, Math.min(this.#spans[row * 2 + 1] as number, this.#spans[next * 2 + 1] as number)];
  }

  /** Whether the logit in this column, or the one below, is above `lowest`. */
  isAbove(row: number, column: number, lowest: number): boolean {
    const below = this.placeOf(Math.min(row + 1, this.size - 1));
    return (this.values[this.placeOf(row) + column] as number) > lowest || (this.values[below + column] as number) > lowest;
  }
}
