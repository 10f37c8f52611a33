/** The published widths of HRNet: channels of the branch at 1/4 of the image. */
export type HRNetVariant = 'W18' | 'W32' | 'W48';

/** Channels at 1/4. */
export const HRNET_WIDTHS: Readonly<Record<HRNetVariant, number>> = { W18: 18, W32: 32, W48: 48 };
const STEM = 64;
const BRANCHES = 4;

export type HRNetShape = {
  /** Channels of the stem and of the middle of the first stage's blocks. */
  readonly stem: number;
  /** Channels of the branches at 1/4, 1/8, 1/16 and 1/32. */
  readonly widths: readonly number[];
};

/** The shape of a variant with every width divided by `divisor`, rounded down, at least one channel. */
export function hrNetShape(variant: HRNetVariant, divisor: number): HRNetShape {
  const divided = (width: number): number => Math.max(1, Math.floor(width / divisor));
  const width = divided(HRNET_WIDTHS[variant]);
  return { stem: divided(STEM), widths: Array.from({ length: BRANCHES }, (_, branch) => width * 2 ** branch) };
}
