/**
 * The parts of a logit map where some consecutive classes may be: for each class and each row of the grid one stretch of columns with its
 * logits. Everything outside has a probability at or below the lowest cut. A trained network gives a few megabytes instead of the whole
 * map, in memory that can move to another thread.
 */
export type ClassParts = {
  readonly size: number;
  readonly firstClass: number;
  /** Number of classes in these parts. */
  readonly classes: number;
  /** First column and the column after the last one, `[classes, size, 2]`. */
  readonly spans: Uint16Array<ArrayBuffer>;
  /** The logits class by class, row by row. */
  readonly values: Float32Array<ArrayBuffer>;
};

/** Most logits in the parts that are made together, unless one class alone has more: 32 MiB. */
const MOST_VALUES = 8 * 2 ** 20;

/**
 * The parts of a map `[size, size, classes]` in which a pixel may have a logit above `lowest`. A value between grid points never exceeds its
 * four neighbours, so a stretch extends one grid point beyond every greater logit, in all directions. All classes come together, or in
 * several parts if the logits are many, as those of an untrained network are.
 */
export function* classParts(
  logits: Float32Array,
  size: number,
  classes: number,
  lowest: number,
  mostValues: number = MOST_VALUES,
): Generator<ClassParts> {
  const reach = reachOf(logits, size, classes, lowest);
  const all = new Uint16Array(classes * size * 2);
  const lengths = Array.from({ length: classes }, (_, k) => spread(reach, all, k, size, classes));
  for (let first = 0, last = 0; first < classes; first = last) {
    let length = lengths[last++] as number;
    while (last < classes && length + (lengths[last] as number) <= mostValues) length += lengths[last++] as number;
    const spans = all.slice(first * size * 2, last * size * 2);
    const values = new Float32Array(length);
    let start = 0;
    const next = Float64Array.from(lengths.slice(first, last), (own) => {
      start += own;
      return start - own;
    });
    copyParts(logits, { size, classes, firstClass: first, spans, values, next });
    yield { size, firstClass: first, classes: last - first, spans, values };
  }
}

/** Writes the stretch of each row of class k, one grid point beyond the reach of its row and of its neighbours. Returns their length. */
function spread(reach: Uint16Array, spans: Uint16Array, k: number, size: number, classes: number): number {
  let length = 0;
  for (let y = 0; y < size; y++) {
    let from = size;
    let to = 0;
    for (let row = Math.max(y - 1, 0); row <= Math.min(y + 1, size - 1); row++) {
      const at = (row * classes + k) * 2;
      if ((reach[at + 1] as number) === 0) continue;
      from = Math.min(from, Math.max((reach[at] as number) - 1, 0));
      to = Math.max(to, Math.min((reach[at + 1] as number) + 1, size));
    }
    if (to === 0) continue;
    spans[(k * size + y) * 2] = from;
    spans[(k * size + y) * 2 + 1] = to;
    length += to - from;
  }
  return length;
}

type Copying = {
  readonly size: number;
  /** Of the map. */
  readonly classes: number;
  readonly firstClass: number;
  readonly spans: Uint16Array;
  readonly values: Float32Array;
  /** Where the next value of each class goes. */
  readonly next: Float64Array;
};

/** Copies row by row, so that the row of the map, which holds all classes, stays in the processor's cache. */
function copyParts(logits: Float32Array, { size, classes, firstClass, spans, values, next }: Copying): void {
  for (let y = 0; y < size; y++) {
    for (let k = 0; k < next.length; k++) {
      const from = spans[(k * size + y) * 2] as number;
      const to = spans[(k * size + y) * 2 + 1] as number;
      let out = next[k] as number;
      for (let x = from, at = (y * size + from) * classes + firstClass + k; x < to; x++, at += classes)
        values[out++] = logits[at] as number;
      next[k] = out;
    }
  }
}

/** For each row and class, the first column with a logit above `lowest`, and the column after the last one; 0 if there is none. */
function reachOf(logits: Float32Array, size: number, classes: number, lowest: number): Uint16Array {
  const reach = new Uint16Array(size * classes * 2);
  for (let y = 0, at = 0; y < size; y++) {
    const row = y * classes * 2;
    for (let x = 0; x < size; x++) {
      for (let k = 0; k < classes; k++, at++) {
        if (!((logits[at] as number) > lowest)) continue;
        const place = row + k * 2;
        if ((reach[place + 1] as number) === 0) reach[place] = x;
        reach[place + 1] = x + 1;
      }
    }
  }
  return reach;
}
