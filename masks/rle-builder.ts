import type { RleMask } from './rle-mask.ts';

/** Collects runs in ascending order into the one canonical form: runs that touch become one. */
export class RleBuilder {
  private bounds: Uint32Array;
  private count = 0;

  constructor(capacity = 256) {
    this.bounds = new Uint32Array(capacity * 2);
  }

  /** Appends pixels start … end − 1; start must not lie before the end of the run added last, and the run must not be empty. */
  add(start: number, end: number): void {
    const { count } = this;
    if (count > 0 && this.bounds[count - 1] === start) {
      this.bounds[count - 1] = end;
      return;
    }
    if (count === this.bounds.length) this.grow();
    this.bounds[count] = start;
    this.bounds[count + 1] = end;
    this.count = count + 2;
  }

  /** The runs added since the last finish, in memory of their own; the builder is empty again. */
  finish(width: number, height: number): RleMask {
    const bounds = this.bounds.slice(0, this.count);
    this.count = 0;
    return { width, height, bounds };
  }

  private grow(): void {
    const larger = new Uint32Array(Math.max(16, this.bounds.length * 2));
    larger.set(this.bounds);
    this.bounds = larger;
  }
}
