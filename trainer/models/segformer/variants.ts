/** The networks called SegFormer. */
export type SegFormerVariant = 'published' | 'B0' | 'B1' | 'B2' | 'B3' | 'B4' | 'B5';

export type SegFormerShape = {
  /** Channels of each stage. */
  readonly widths: readonly number[];
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  readonly heads: readonly number[];
  /** Channels in which the decoder joins the stages. */
  readonly decoder: number;
};

/** How many times smaller on each side keys and values are. */
export const REDUCTIONS = [8, 4, 2, 1] as const;

type Row = Pick<SegFormerShape, 'depths' | 'decoder'> & { readonly head: number; readonly heads: readonly number[] };

/** Table 6 of the paper; `head` is the width of an attention head. */
const HEADS = [1, 2, 5, 8];
export const SEGFORMER_ROWS: Readonly<Record<SegFormerVariant, Row>> = {
  published: { head: 64, heads: [1, 2, 4, 8], depths: [3, 4, 6, 3], decoder: 256 },
  B0: { head: 32, heads: HEADS, depths: [2, 2, 2, 2], decoder: 256 },
  B1: { head: 64, heads: HEADS, depths: [2, 2, 2, 2], decoder: 256 },
  B2: { head: 64, heads: HEADS, depths: [3, 4, 6, 3], decoder: 768 },
  B3: { head: 64, heads: HEADS, depths: [3, 4, 18, 3], decoder: 768 },
  B4: { head: 64, heads: HEADS, depths: [3, 8, 27, 3], decoder: 768 },
  B5: { head: 64, heads: HEADS, depths: [3, 6, 40, 3], decoder: 768 },
};

/** The shape of a variant with every width divided by `divisor` (rounded down to whole attention heads, at least one channel in each). */
export function segFormerShape(variant: SegFormerVariant, divisor: number): SegFormerShape {
  const { head, heads, depths, decoder } = SEGFORMER_ROWS[variant];
  const size = Math.max(1, Math.floor(head / divisor));
  return { widths: heads.map((count) => count * size), depths, heads, decoder: Math.max(1, Math.floor(decoder / divisor)) };
}
