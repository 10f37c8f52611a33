/** Columns from … to (inclusive) of a row as one number, ordered by `from`: sides are below 2¹⁶, so two columns fit in 32 bits. */
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
