/** What a list may keep between two uses, in values; a rare huge polygon must not hold its memory for good. */
const KEPT_VALUES = 1 << 18;
/** Up to here insertion wins over the built-in sort, which has a call's cost. */
const INSERTION_LIMIT = 40;

/** For each row of a range a bag of numbers, filled in any order and taken out sorted; reused, so that filling allocates nothing. */
export class RowLists {
  /** The last value of each row, as an index, and for each value the one before it; −1 where there is none. */
  private last = new Int32Array(0);
  private previous = new Int32Array(1024);
  private values = new Float64Array(1024);
  private count = 0;
  private top = 0;
  /** The numbers that `take` took last, from index 0 on. */
  sorted = new Float64Array(64);

  /** Empties the bags, for the rows top … bottom. */
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

  /** Puts the row's numbers in ascending order into `sorted` and gives how many there are. */
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
