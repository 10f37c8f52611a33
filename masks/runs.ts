/**
 * A binary mask as runs: pixels are numbered row by row from 0 and `bounds` holds [start, end) pairs, sorted, none empty, none touching
 * the next. One mask has exactly one such form, so equal masks have equal bounds.
 */
export type Runs = { readonly width: number; readonly height: number; readonly bounds: Uint32Array };
