/** A square image of absorption, in millimetres of dense bone or of soft tissue. */
export type Field = { readonly side: number; readonly values: Float32Array };

/** A field at another size, bilinear between pixel centres. */
export function enlarge(field: Field, side: number): Field {
  if (side === field.side) return field;
  const values = new Float32Array(side * side);
  const columns = neighbours(field.side, side);
  const rows = neighbours(field.side, side);
  for (let y = 0; y < side; y++) {
    const upper = (rows.low[y] as number) * field.side;
    const lower = (rows.high[y] as number) * field.side;
    const down = rows.share[y] as number;
    for (let x = 0; x < side; x++) {
      const [left, right, across] = [columns.low[x] as number, columns.high[x] as number, columns.share[x] as number];
      const above = (field.values[upper + left] as number) * (1 - across) + (field.values[upper + right] as number) * across;
      const below = (field.values[lower + left] as number) * (1 - across) + (field.values[lower + right] as number) * across;
      values[y * side + x] = above * (1 - down) + below * down;
    }
  }
  return { side, values };
}

/** For each place of the larger side: the two nearest places of the smaller side, and the weight of the second. */
export function neighbours(from: number, to: number): { low: Int32Array; high: Int32Array; share: Float32Array } {
  const [low, high, share] = [new Int32Array(to), new Int32Array(to), new Float32Array(to)];
  for (let i = 0; i < to; i++) {
    const at = Math.max(0, Math.min(from - 1, ((i + 0.5) * from) / to - 0.5));
    low[i] = Math.floor(at);
    high[i] = Math.min(from - 1, Math.floor(at) + 1);
    share[i] = at - Math.floor(at);
  }
  return { low, high, share };
}

/** A field at half its (even) size: the mean of four pixels. */
export function halve(field: Field): Field {
  const side = field.side / 2;
  const values = new Float32Array(side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const at = 2 * y * field.side + 2 * x;
      const { values: v, side: s } = field;
      values[y * side + x] = ((v[at] as number) + (v[at + 1] as number) + (v[at + s] as number) + (v[at + s + 1] as number)) / 4;
    }
  }
  return { side, values };
}

/** Blurs in place with a three-pixel kernel [weight, 1 - 2·weight, weight] in both directions, like the detector. */
export function soften(field: Field, weight: number): void {
  const { side, values } = field;
  const middle = 1 - 2 * weight;
  // The values of the row above before they were blurred vertically.
  const above = new Float32Array(side);
  for (let y = 0; y < side; y++) {
    const start = y * side;
    let before = values[start] as number;
    for (let x = 0; x < side; x++) {
      const here = values[start + x] as number;
      const after = values[start + Math.min(side - 1, x + 1)] as number;
      values[start + x] = middle * here + weight * (before + after);
      before = here;
    }
  }
  above.set(values.subarray(0, side));
  for (let y = 0; y < side; y++) {
    const start = y * side;
    const below = Math.min(side - 1, y + 1) * side;
    for (let x = 0; x < side; x++) {
      const here = values[start + x] as number;
      values[start + x] = middle * here + weight * ((above[x] as number) + (values[below + x] as number));
      above[x] = here;
    }
  }
}
